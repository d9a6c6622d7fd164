"""What holds actions back: each mode and each limit with what it withholds, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from indexer.model.meaning import Meaning

POLICIES: Mapping[str, Meaning] = {
    "sync": Meaning(
        "The mode in which a plan may create, change and delete. It withholds nothing; limits may.",
        "Nothing.",
        "It is the default (`policy.mode`, `--policy`).",
    ),
    "upsert-only": Meaning(
        "The mode in which nothing is deleted or archived: it withholds `delete-object`, `delete-record`, `archive-data-asset` and `delete-data-asset`.",
        "If what is withheld should go, plan with `--policy sync`.",
        "Somebody chose it, for a first run or for a job that may only add.",
    ),
    "create-only": Meaning(
        "The mode in which nothing that exists is changed: it withholds everything but `insert-record`, `copy-object`, `create-data-asset`, and `put-object` if there was no file.",
        "If what is withheld should be done, plan with `--policy sync` or `--policy upsert-only`.",
        "Somebody chose it, for a first run or for a job that may only add.",
    ),
    "max_deletes": Meaning(
        "The limit in number: if the whole plan has more deletions, or more updates that remove links, all of them are withheld.",
        "Review them. If each is right, plan again with `--max-deletes` and exactly their number.",
        "More went away at once than one person can review, or a system did not show what it has.",
    ),
    "max_delete_percent": Meaning(
        "The limit in per cent of what a bucket has: if more than this share goes, and more than 5, the bucket's deletions of that sort are withheld; links that are removed likewise.",
        "Ask first whether the bucket, the database and the token are the right ones. If each deletion is right, plan again with a higher `--max-delete-percent`.",
        "A bucket was emptied or moved, or a system did not show what it has.",
    ),
}
