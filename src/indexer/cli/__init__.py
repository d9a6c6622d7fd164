"""The command line: commands, exit codes, and the only place that catches broadly.

Nothing here imports boto3, pymongo, pydantic or rich before a command runs: `indexer --help` stays quick.
"""

from indexer.cli.app import main

__all__ = ["main"]
