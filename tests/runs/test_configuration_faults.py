"""What is wrong with a configuration is said in its own words: which key, or which variable, and what should stand there."""

from __future__ import annotations

import tomllib
from itertools import islice
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from indexer.errors import UsageError
from indexer.model.generation import CORE_FIELDS, core_file
from indexer.runs.config_file import load_config
from indexer.runs.doctor import examine
from indexer.runs.schemas import schema_of

GOOD = 'buckets = ["bucket"]\ndocdb.uri = "mongodb://127.0.0.1:9"\ndocdb.v1 = {}\n'
NAME = "should be a bucket's own name, without s3:// and a prefix, and no access point's ARN or alias"


def detail_of(folder: Path, text: str) -> str:
    """What is said of it, without the file's name, which comes first."""
    file = folder / "indexer.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        load_config(file)
    assert raised.value.summary == "The configuration is not valid"
    assert raised.value.detail.startswith(f"{file}: ")
    return raised.value.detail.removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "buckets is missing; docdb is missing"),
        (
            GOOD.replace("buckets", "bucket"),
            "buckets is missing; there is no setting bucket (did you mean buckets?)",
        ),
        (GOOD.replace('["bucket"]', '"bucket"'), 'buckets: should be a list: ["one", "two"]'),
        (GOOD.replace('["bucket"]', "[]"), "buckets: should have at least one entry"),
        (GOOD.replace('"bucket"', '"s3://bucket"'), f"buckets.0: {NAME}"),
        (
            GOOD.replace('"bucket"', '"arn:aws:s3:us-west-2:123456789012:accesspoint/one"'),
            f"buckets.0: {NAME}",
        ),
        (GOOD.replace('"bucket"', '"point-metadatavfzi8bwopfb5b-s3alias"'), f"buckets.0: {NAME}"),
        (GOOD.replace('"bucket"', '"point-object-lambda--ol-s3"'), f"buckets.0: {NAME}"),
        (
            GOOD + 'codeocean = {domain = "https://h", token = "t", results_bucket = "point-a1-s3alias"}',
            f"codeocean.results_bucket: {NAME}",
        ),
        (GOOD.replace('"bucket"', '"good", "bucket/prefix"'), f"buckets.1: {NAME}"),
        ('buckets = ["bucket"]\ndocdb = "x"', "docdb: should be a table"),
        (GOOD + "lookback_days = 'soon'", "lookback_days: should be a valid integer"),
        (
            GOOD + 'codeocean = {domain = "host", token = "t"}',
            "codeocean.domain: should be https:// and a host",
        ),
        (GOOD + 's3.originals_folder = "a/b"', "s3.originals_folder: should be the name of one folder"),
        (
            GOOD + 'docdb.v2 = {database = "metadata_index"}',
            "docdb: v1 and v2 name the same collection, metadata_index.data_assets",
        ),
        (
            GOOD + 'docdb.lease_collection = "data_assets"',
            "docdb: lease_collection is v1's collection of records, data_assets",
        ),
        (
            GOOD + 'docdb.lease_collection = "x"\ndocdb.v2 = {database = "metadata_index", collection = "x"}',
            "docdb: lease_collection is v2's collection of records, x",
        ),
        (
            GOOD.replace("docdb.v1 = {}", ""),
            "docdb: neither v1 nor v2 given: give [docdb.v1], [docdb.v2] or both",
        ),
        (
            GOOD.replace("v1 = {}", "v2 = {}") + 'docdb.lease_collection = "data_assets"',
            "docdb: lease_collection is v2's collection of records, data_assets",
        ),
        (GOOD + "policy.max_delete_percent = 101", "policy.max_delete_percent: should be less than"),
    ],
)
def test_a_fault_is_told_in_words_of_the_file(tmp_path: Path, text: str, says: str) -> None:
    """Never in those of Python: no tuple, no pattern, no class."""
    said = detail_of(tmp_path, text)
    assert said.startswith(says)
    assert not [word for word in ("tuple", "pattern", "Settings", "dictionary") if word in said.lower()]


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:s3:us-west-2:123456789012:accesspoint/one",
        "one-metadatavfzi8bwopfb5b-s3alias",
        "one-object-lambda--ol-s3",
        "one--usw2-az1--xa-s3",
    ],
)
def test_an_access_point_is_no_bucket_for_the_schema_either(name: str) -> None:
    """An editor says it before the command does; the name of a bucket of one zone is a bucket's."""
    schema = Draft202012Validator(schema_of("config"))
    assert not schema.is_valid(tomllib.loads(GOOD.replace('"bucket"', f'"{name}"')))
    for bucket in ("one--usw2-az1--x-s3", "s3alias", "one-s3alias-two"):
        assert schema.is_valid(tomllib.loads(GOOD.replace('"bucket"', f'"{bucket}"')))


@pytest.mark.parametrize("name", [".", "..", "metadata.nd.json", *map(core_file, CORE_FIELDS)])
def test_the_originals_have_a_folder_of_their_own(tmp_path: Path, name: str) -> None:
    """Originals under such a name would lie beside, or in place of, what they are originals of; the schema says so too."""
    text = GOOD + f's3.originals_folder = "{name}"'
    says = "s3.originals_folder: should be the name of a folder, neither of dots nor of a file of the asset"
    assert detail_of(tmp_path, text) == says
    assert not Draft202012Validator(schema_of("config")).is_valid(tomllib.loads(text))


@pytest.mark.parametrize(
    "docdb",
    [
        'v1 = {}\nv2 = {database = "metadata_index", collection = "other"}',
        "v1 = {}\nv2 = {}",
        'v2 = {database = "metadata_index"}',
        'lease_collection = "data_assets"\nv2 = {collection = "records"}',
        'lease_collection = "data_assets"\nv1 = {collection = "records"}\nv2 = {}',
    ],
)
def test_collections_that_are_apart_are_taken(tmp_path: Path, docdb: str) -> None:
    """One database may hold both generations; leases lie in that of the first."""
    file = tmp_path / "indexer.toml"
    file.write_text(
        'buckets = ["bucket"]\n[docdb]\nuri = "mongodb://127.0.0.1:9"\n' + docdb, encoding="utf-8"
    )
    assert load_config(file).docdb.v2 is not None


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("INDEXER_LOOKBACK_DAYS", "soon", "INDEXER_LOOKBACK_DAYS: should be"),
        ("INDEXER_BUCKETS", '["s3://bucket"]', f"buckets.0 in INDEXER_BUCKETS: {NAME}"),
        (
            "INDEXER_POLICY",
            '{"mod": "sync"}',
            "there is no setting policy.mod in INDEXER_POLICY (did you mean mode?)",
        ),
    ],
)
def test_a_variable_of_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    """It is not looked for in the file."""
    monkeypatch.setenv(variable, value)
    assert detail_of(tmp_path, GOOD).startswith(says)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("INDEXER_DOCDB__URII", "INDEXER_DOCDB__URI"),
        ("INDEXER_POLICY_MODE", "INDEXER_POLICY__MODE"),
        ("indexer_bucket", "INDEXER_BUCKETS"),
    ],
)
def test_a_variable_that_is_no_setting_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    """Ignored, it would be a limit that does not hold. One that is empty is as good as unset."""
    (tmp_path / "indexer.toml").write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv(variable, "x")
    with pytest.raises(UsageError) as raised:
        load_config(tmp_path / "indexer.toml")
    assert raised.value.detail == f"there is no setting {variable} (did you mean {meant}?)"
    monkeypatch.setenv(variable, "")
    assert load_config(tmp_path / "indexer.toml").buckets == ("bucket",)


def test_white_space_behind_a_secret_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that holds one secret ends with a newline, and so does a variable made of it."""
    (tmp_path / "indexer.toml").write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv("INDEXER_DOCDB__URI", "mongodb://127.0.0.1:9/ \n")
    monkeypatch.setenv("INDEXER_CODEOCEAN__TOKEN", "token\r\n")
    monkeypatch.setenv("INDEXER_CODEOCEAN__DOMAIN", "https://codeocean.example.org\n")
    config = load_config(tmp_path / "indexer.toml")
    assert config.docdb.uri is not None
    assert config.codeocean is not None
    assert config.codeocean.token is not None
    assert config.docdb.uri.get_secret_value() == "mongodb://127.0.0.1:9/"
    assert config.codeocean.token.get_secret_value() == "token"
    assert config.codeocean.domain == "https://codeocean.example.org"


def test_a_variable_that_is_no_json_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a list as it should be; what stands in it may be a secret, and is not said."""
    monkeypatch.setenv("INDEXER_BUCKETS", "hush")
    (tmp_path / "indexer.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        load_config(tmp_path / "indexer.toml")
    assert raised.value.detail == "INDEXER_BUCKETS is not JSON"
    assert """INDEXER_BUCKETS='["one", "two"]'""" in str(raised.value.hint)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("mode", "uri", "warned"),
    [
        (0o644, "mongodb://me:pass@127.0.0.1:9", True),
        (0o640, "mongodb://me:pass@127.0.0.1:9", True),
        (0o600, "mongodb://me:pass@127.0.0.1:9", False),
        (0o644, "mongodb://127.0.0.1:9", False),
    ],
)
def test_the_doctor_warns_of_a_secret_that_others_may_read(
    tmp_path: Path, mode: int, uri: str, warned: bool
) -> None:
    """Which one, and what to do; a URI without a password is none."""
    file = tmp_path / "indexer.toml"
    file.write_text(f'buckets = ["bucket"]\ndocdb.uri = "{uri}"\ndocdb.v1 = {{}}\n', encoding="utf-8")
    file.chmod(mode)
    config, check = islice(examine(lambda: load_config(file), str(file), probe=False), 2)
    assert config.status == "ok"
    assert (check.name, check.status) == ("secrets", "warning") if warned else check.name != "secrets"
    assert ("docdb.uri" in check.detail and "chmod 600" in check.hint) is warned
    assert "pass" not in check.detail + check.hint
