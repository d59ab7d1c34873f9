"""Keys and how much each may send."""

import hmac
import operator
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sized
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
import pytest

from app.cli.main import main
from app.errors import UserError
from app.service.access.access import Access
from app.service.access.access_keys import AccessKeys, hash_of, load_keys, new_key
from app.service.access.throttle import Throttle
from app.service.access.visitor_tokens import AUDIENCE, PREFIX, Tokens, VisitorToken, token_secrets
from app.service.http.http_problem import Problem
from app.settings import load_settings


def test_the_command_makes_a_key_and_its_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new", "read", "--name", "mail"]) == 0
    said = capsys.readouterr().out
    found = re.search(r"key +(\S+)\nhash +(\S+)\n", said)
    assert found
    keys = load_keys("read", hashes=found[2], file="")
    assert keys.name_of(found[1]) == "mail"
    assert "SHOAL_READ_KEYS" in said


def test_keys_come_from_the_variable_and_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# of the shop\nshop:{hash_of('a')}\n\n  app : {hash_of('b').upper()}  # old\n")
    keys = load_keys("write", hashes=hash_of("c"), file=str(file))
    assert [keys.name_of(key) for key in "abc"] == ["shop", "app", hash_of("c")[:8]]
    assert repr(keys) == "AccessKeys(write: 3)"


@pytest.mark.parametrize("text", ["secret", "shop:secret", "a b:" + "0" * 64, f"x:{'0' * 64},x:{'1' * 64}"])
def test_what_is_no_hash_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UserError) as caught:
        load_keys("write", hashes=text, file="")
    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="nowhere"):
        load_keys("write", hashes="", file="nowhere")


def test_a_write_key_and_a_forward_key_have_names_of_their_own() -> None:
    """The name stands in the metrics."""
    settings = load_settings({}, write_keys=f"shop:{hash_of('a')}", forward_keys=f"shop:{hash_of('b')}")
    with pytest.raises(UserError, match="the same name, shop"):
        Access(settings)
    access = Access(load_settings({}, write_keys=f"shop:{hash_of('a')}", forward_keys=f"mirror:{hash_of('b')}"))
    assert (access.may_write("a").forwards, access.may_write("b").forwards) == (False, True)
    with pytest.raises(Problem, match="no write key"):
        access.may_write("c")


def test_a_key_of_another_kind_is_told_so() -> None:
    keys = load_keys("read", hashes=hash_of("k"), file="")
    with pytest.raises(Problem, match="something else"):
        keys.name_of(new_key("write"))


def test_a_bucket_gives_two_seconds_at_once_and_then_the_rate() -> None:
    throttle = Throttle(10)
    throttle.take("k", 19, now_s=0.0)
    assert throttle.wait_s("k", now_s=0.0) == 0
    throttle.take("k", 31, now_s=0.0)
    assert throttle.wait_s("k", now_s=0.0) == 4
    assert throttle.wait_s("k", now_s=3.5) == 0
    assert throttle.wait_s("other", now_s=0.0) == 0


def test_without_a_rate_nothing_waits() -> None:
    throttle = Throttle(0)
    throttle.take("k", 1_000_000, now_s=0.0)
    assert throttle.wait_s("k", now_s=0.0) == 0


SECRET = "sixteen letters!"
OTHER = "another secret..."


def test_a_token_is_its_users_until_it_is_over() -> None:
    tokens = Tokens({"a": SECRET})
    token = tokens.make("a:b ü", until_s=100)
    assert tokens.read(token, now_s=99.0) == VisitorToken("a:b ü", 100, follows=False)
    own = tokens.make("a-1", until_s=100, follows=True)
    assert tokens.read(own, now_s=99.0) == VisitorToken("a-1", 100, follows=True)
    with pytest.raises(Problem, match="expired"):
        tokens.read(token, now_s=100.0)
    head, said, signature = token.split(".")
    others = (head, f"{head}.{said}.", f"{head}.{said}.{signature.swapcase()}", f"{head}..{signature}", "..")
    for other in (
        *others,
        token[:-5],
        token + "A",
        "",
        "shoal_user_",
        "é",
        "shoal_user_é.é.é",
        token.swapcase(),
        "a." * 10_000,
    ):
        with pytest.raises(Problem) as raised:
            tokens.read(other, now_s=0.0)
        assert raised.value.status == 401
    for foreign in (Tokens({"a": OTHER}), Tokens({"b": SECRET})):
        with pytest.raises(Problem, match="not made by this service"):
            foreign.read(token, now_s=0.0)
    for call in (lambda: Tokens({}).make("u", until_s=1), lambda: Tokens({}).read(token, now_s=0.0)):
        with pytest.raises(Problem, match="SHOAL_TOKEN_SECRET"):
            call()


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"sub": "u", "exp": 9, "aud": "other"}, {"kid": "a"}),
        ({"sub": "u", "aud": AUDIENCE}, {"kid": "a"}),
        ({"exp": 9, "aud": AUDIENCE}, {"kid": "a"}),
        ({"sub": 7, "exp": 9, "aud": AUDIENCE}, {"kid": "a"}),
        ({"sub": "u", "exp": "soon", "aud": AUDIENCE}, {"kid": "a"}),
        ({"sub": "u", "exp": 9, "aud": AUDIENCE}, {"kid": "b"}),
        ({"sub": "u", "exp": 9, "aud": AUDIENCE}, {}),
    ],
    ids=["audience", "no end", "no user", "a number", "no time", "another key", "no key"],
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_signed_text_that_is_no_token_of_ours_is_refused(claims: dict[str, Any], header: dict[str, str]) -> None:
    key = sha256(SECRET.encode()).digest()
    tokens = Tokens({"a": SECRET})
    good = jwt.encode({"sub": "u", "exp": 9, "aud": AUDIENCE}, key, algorithm="HS256", headers={"kid": "a"})
    assert tokens.read(PREFIX + good, now_s=0.0) == VisitorToken("u", 9, follows=False), "one of an earlier version"
    with pytest.raises(Problem, match="not made by this service"):
        tokens.read(PREFIX + jwt.encode(claims, key, algorithm="HS256", headers=header), now_s=0.0)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize(
    ("key", "algorithm"), [("", "none"), (SECRET, "HS256"), (sha256(SECRET.encode()).digest(), "HS512")]
)
def test_a_token_that_is_signed_in_another_way_is_refused(key: str | bytes, algorithm: str) -> None:
    claims = {"sub": "u", "exp": 9, "aud": AUDIENCE}
    token = PREFIX + jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "a"})
    with pytest.raises(Problem, match="not made by this service"):
        Tokens({"a": SECRET}).read(token, now_s=0.0)


def test_a_key_is_replaced_while_tokens_of_it_are_about() -> None:
    """The new one is believed everywhere first, then signs, then the old one goes."""
    old, new = f"old:{SECRET}", f"new:{OTHER}"
    before, both, after = (Tokens(token_secrets("", text)) for text in (old, f"{new}, {old}", new))
    first, second = before.make("u", until_s=9), both.make("u", until_s=9)
    found = [both.read(first, now_s=0.0), both.read(second, now_s=0.0), after.read(second, now_s=0.0)]
    assert found == [VisitorToken("u", 9, follows=False)] * 3
    with pytest.raises(Problem, match="not made by this service"):
        after.read(first, now_s=0.0)
    assert next(iter(token_secrets(SECRET, new))) == "new"
    main = Tokens(token_secrets(SECRET, "")).make("u", until_s=9)
    assert Tokens(token_secrets(SECRET, new)).read(main, now_s=0.0).user == "u"


def test_a_token_of_an_earlier_version_is_good_until_it_is_over() -> None:
    said = b"100:ann"
    earlier = PREFIX + urlsafe_b64encode(hmac.digest(SECRET.encode(), said, sha256) + said).decode().rstrip("=")
    tokens = Tokens(token_secrets(SECRET, f"new:{OTHER}"))
    assert tokens.read(earlier, now_s=99.0) == VisitorToken("ann", 100, follows=False)
    with pytest.raises(Problem, match="expired"):
        tokens.read(earlier, now_s=100.0)
    for other in (earlier[:-1], earlier + "A", earlier.swapcase()):
        with pytest.raises(Problem, match="not made by this service"):
            tokens.read(other, now_s=0.0)
    with pytest.raises(Problem, match="not made by this service"):
        Tokens({"new": SECRET}).read(earlier, now_s=0.0)


@pytest.mark.parametrize(
    ("secret", "secrets"),
    [
        ("short", ""),
        ("", "a:short"),
        ("", SECRET),
        ("", f":{SECRET}"),
        ("", f"a:{SECRET},a:{OTHER}"),
        ("", f"main:{SECRET}"),
    ],
)
def test_secrets_that_cannot_be_used_are_refused_and_not_repeated(secret: str, secrets: str) -> None:
    with pytest.raises(UserError, match="SHOAL_TOKEN_SECRET") as raised:
        token_secrets(secret, secrets)
    assert SECRET not in str(raised.value)


class Guarded:
    """May be compared by `hmac.compare_digest` only. `==`, `in` and `match` stop at the first difference: the time they
    take tells how much of it somebody has guessed. A table looks it up by a hash, and then compares in the same way.
    """

    def __eq__(self, other: object) -> bool:
        raise AssertionError("a secret is compared in a time that depends on it")

    __ne__ = __eq__

    def __hash__(self) -> int:
        raise AssertionError("a secret is looked up in a time that depends on it")


class GuardedText(Guarded, str):
    """A hash that is known."""


@pytest.mark.parametrize("compare", [operator.eq, operator.ne])
def test_a_guarded_value_notices_any_other_comparison(compare: Callable[[Any, Any], object]) -> None:
    guarded, plain = GuardedText("a"), "a"
    assert hmac.compare_digest(guarded, plain)
    with pytest.raises(AssertionError, match="depends on it"):
        compare(plain, guarded)
    with pytest.raises(AssertionError, match="depends on it"):
        {plain: "found"}.get(guarded)


def test_keys_are_compared_in_the_same_time_for_all_and_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[Sized] = []
    compare = hmac.compare_digest

    def counting(given: str, known: str) -> bool:
        compared.append(known)
        return compare(given, known)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    keys = AccessKeys("read", {name: GuardedText(hash_of(name)) for name in ("first", "second", "third")})
    for key in ("first", "third", "wrong"):
        compared.clear()
        if key == "wrong":
            with pytest.raises(Problem):
                keys.name_of(key)
        else:
            assert keys.name_of(key) == key
        assert len(compared) == 3, "also behind the one that was found"


def test_signatures_of_tokens_are_compared_in_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyJWT's own comparison, and that of tokens of earlier versions."""
    compared: list[Sized] = []
    compare = hmac.compare_digest

    def counting(given: Any, known: Any) -> bool:
        compared.append(known)
        return compare(given, known)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    tokens = Tokens(token_secrets(SECRET, ""))
    head, said, signature = tokens.make("ann", until_s=100).split(".")
    assert tokens.read(f"{head}.{said}.{signature}", now_s=0.0) == VisitorToken("ann", 100, follows=False)
    for wrong in (f"{head}.{said}.{'A' * len(signature)}", PREFIX + "A" * 80):
        with pytest.raises(Problem):
            tokens.read(wrong, now_s=0.0)
    assert len(compared) == 3
