"""The only users of boto3, pymongo and codeocean: one reader and one writer each, and `collect`."""
