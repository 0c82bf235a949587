"""The console before anything is known: every page stands, and says what to do."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from deploy.console.app import PAGES, create_app
from deploy.local.home import Home
from streams.config import StreamsSettings
from streams.ledger.engine import open_ledger
from streams.ledger.migrate import upgrade

PLAIN_PAGES = [path for path in PAGES if "{" not in path]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("home")
    Home(root).create()
    engine = open_ledger(StreamsSettings(home=root).database_url)
    upgrade(engine)
    with TestClient(create_app(root, engine)) as made:
        yield made
    engine.dispose()


@pytest.mark.parametrize("path", PLAIN_PAGES)
def test_a_page_stands_without_data(client: TestClient, path: str) -> None:
    """Nothing known is a normal state."""
    answer = client.get(path)

    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", PLAIN_PAGES)
def test_every_page_is_json_too(client: TestClient, path: str) -> None:
    """The page's address with .json gives its data."""
    answer = client.get("/state.json" if path == "/" else f"{path}.json")

    assert answer.status_code == 200
    assert isinstance(answer.json(), dict)


@pytest.mark.parametrize("path", ["/links/none", "/sheets/none", "/repositories/none", "/nothing"])
def test_unknown_things_are_404(client: TestClient, path: str) -> None:
    """A wrong address is said so, with a way back."""
    answer = client.get(path)

    assert answer.status_code == 404
    assert "state of the pipeline" in answer.text


def test_another_host_name_is_refused(client: TestClient) -> None:
    """A name that resolves to loopback must not let another site read the console."""
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_search_words_are_escaped(client: TestClient) -> None:
    """What a query holds is shown as text."""
    assert "<b>x" not in client.get("/links", params={"symbol": "<b>x"}).text
