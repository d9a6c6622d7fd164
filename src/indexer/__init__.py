"""Keep the metadata of scientific data assets in step across S3, DocDB and Code Ocean."""

__version__ = "0.1.0"
