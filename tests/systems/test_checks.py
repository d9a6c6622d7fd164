"""What a role may do, as servers tell it; and what is said of users that real servers know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.uri_parser import parse_uri

from indexer.systems.checks_docdb import WRITES, connection_checks, may_write
from indexer.systems.docdb_connection import connect

PLACES = (("metadata_index", "data_assets"), ("metadata_index_v2", "data_assets"))
HERE = {"db": "metadata_index", "collection": "data_assets"}


def privilege(resource: dict[str, Any], *actions: str) -> dict[str, Any]:
    """As `connectionStatus` lists one."""
    return {"resource": resource, "actions": list(actions)}


@pytest.mark.parametrize(
    ("privileges", "expected"),
    [
        ([privilege(HERE, "find", "listIndexes")], False),
        ([privilege(HERE, "find", "update")], True),
        ([privilege({"db": "metadata_index", "collection": ""}, "insert")], True),
        ([privilege({"db": "", "collection": ""}, "remove")], True),
        ([privilege({"anyResource": True}, "insert", "find")], True),
        ([privilege({"cluster": True}, "listDatabases"), privilege(HERE, "find")], False),
        ([privilege({"db": "other", "collection": ""}, "insert"), privilege(HERE, "find")], False),
        ([privilege({"db": "metadata_index", "collection": "leases"}, "insert", "update")], False),
    ],
)
def test_privileges_decide(privileges: list[dict[str, Any]], expected: bool) -> None:
    """A writing action on one of the configured collections; the roles' names then say nothing."""
    roles = [{"role": "read" if expected else "readWrite", "db": "metadata_index"}]
    info = {"authenticatedUserPrivileges": privileges, "authenticatedUserRoles": roles}
    assert may_write(info, PLACES) is expected


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ([("read", "metadata_index")], False),
        ([("readAnyDatabase", "admin"), ("read", "metadata_index")], False),
        ([("read", "metadata_index"), ("readWrite", "metadata_index_v2")], True),
        ([("readWrite", "other"), ("read", "metadata_index")], None),
        ([("root", "admin")], True),
        ([("dbOwner", "metadata_index")], True),
        ([("ours", "metadata_index")], None),
        ([], None),
    ],
)
def test_without_privileges_the_built_in_roles_decide(
    roles: list[tuple[str, str]], expected: bool | None
) -> None:
    """A role that somebody made tells nothing."""
    listed = [{"role": role, "db": database} for role, database in roles]
    assert (
        may_write({"authenticatedUserRoles": listed, "authenticatedUserPrivileges": []}, PLACES) is expected
    )


names = st.sampled_from(["", "metadata_index", "metadata_index_v2", "data_assets", "other"])
resources = st.one_of(
    st.just({"cluster": True}),
    st.just({"anyResource": True}),
    st.fixed_dictionaries({"db": names, "collection": names}),
)
reading = st.builds(privilege, resources, st.sampled_from(["find", "listIndexes", "collStats"]))
writing = st.builds(privilege, resources, st.sampled_from(sorted(WRITES)))


@given(some=st.lists(st.one_of(reading, writing), min_size=1), more=st.lists(st.one_of(reading, writing)))
def test_a_further_privilege_never_takes_one_away(
    some: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    """Who may write still may with more; and only reading never may."""
    alone, together = (
        may_write({"authenticatedUserPrivileges": listed}, PLACES) for listed in (some, some + more)
    )
    assert together or not alone
    assert alone or alone is False
    only = [one for one in some if not WRITES & set(one["actions"])]
    assert not only or may_write({"authenticatedUserPrivileges": only}, PLACES) is False


@pytest.fixture
def users(secantus_uri: str, database_name: str) -> Iterator[dict[str, str]]:
    """A user for each built-in role of a database, and their URIs; nobody else's."""
    options = parse_uri(secantus_uri)
    host, port = options["nodelist"][0]
    with closing(MongoClient[dict[str, Any]](secantus_uri)) as admin:
        admin[database_name]["data_assets"].insert_one({"location": "s3://b/a"})
        for role in ("read", "readWrite"):
            roles = [{"role": role, "db": database_name}]
            admin["admin"].command("createUser", f"{role}-{database_name}", pwd="hushhush", roles=roles)
        yield {
            "": secantus_uri,
            **{
                role: f"mongodb://{role}-{database_name}:hushhush@{host}:{port}/?directConnection=true"
                for role in ("read", "readWrite")
            },
        }
        for role in ("read", "readWrite"):
            admin["admin"].command("dropUser", f"{role}-{database_name}")
        admin.drop_database(database_name)


def test_the_user_s_role_is_told_by_a_server_that_has_users(
    users: dict[str, str], database_name: str
) -> None:
    """One that reads is right for a plan; one that writes, and nobody at all, are warnings. Nothing is written."""
    said = {}
    for role, uri in users.items():
        docdb = connect(uri, None, {"v1": (database_name, "data_assets")}, 1)
        with closing(docdb.client):
            checks = {check.name: check for check in connection_checks(docdb)}
            assert docdb.client[database_name].list_collection_names() == ["data_assets"]
        said[role] = (checks["docdb-role"].status, checks["docdb-role"].detail)
        assert checks["docdb-collection"].status == "ok"
        assert checks["docdb-index"].status == "warning"
        assert "hushhush" not in str(checks)
    assert said["read"] == ("ok", "reads only, as `plan` should; `apply` needs more")
    assert said["readWrite"] == ("warning", "may write: right for `apply`, too much for `plan`")
    assert said[""][0] == "warning"
    assert said[""][1].startswith("nobody is logged in")
