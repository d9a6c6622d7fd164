"""What the public client of the gateway is told, as JSON: run by the Python of .venv/peers, with HOST and a CA's FILE."""

import json
import sys

import requests
from aind_data_access_api.document_db import MetadataDbClient
from aind_data_access_api.utils import build_docdb_location_to_id_map, paginate_docdb


def main(host: str, ca_file: str) -> None:
    """Ask everything that needs no signature."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_file
    first = MetadataDbClient(host=host, session=session)
    second = MetadataDbClient(host=host, version="v2", session=session)
    by_name = MetadataDbClient(host=host, database="metadata_index_v2", session=session)
    of_bucket = {"location": {"$gte": "s3://bucket/", "$lt": "s3://bucket0"}}
    told = {
        "count": first._count_records(of_bucket),
        "everything": first.retrieve_docdb_records(of_bucket, sort={"location": 1}),
        "some": first.retrieve_docdb_records(of_bucket, {"_id": 1}, {"location": -1}, limit=3),
        "pages": [len(page) for page in paginate_docdb(first, page_size=4, projection={"_id": 1})],
        "matched": first.fetch_records_by_filter_list("name", ["a1", "a2"], {"_id": 1, "name": 1}),
        "by location": build_docdb_location_to_id_map(first, "bucket", ["a1", "missing"]),
        "second": second.retrieve_docdb_records(projection={"_id": 1}),
        "by name": by_name.retrieve_docdb_records(projection={"_id": 1}),
    }
    refused = first.session.post(first._insert_one_url, data="{}", timeout=60)
    print(json.dumps({**told, "unsigned write": refused.status_code}))


if __name__ == "__main__":
    main(*sys.argv[1:])
