"""Keys and how much each may send."""

import hmac
import operator
import re
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import main
from app.errors import UserError
from app.service.access_keys import AccessKeys, hash_of, load_keys, new_key
from app.service.http_problem import Problem
from app.service.throttle import Throttle
from app.service.visitor_tokens import Tokens


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


def test_a_token_is_its_users_until_it_is_over() -> None:
    tokens = Tokens("sixteen letters!")
    token = tokens.make("a:b ü", until_s=100)
    assert tokens.read(token, now_s=99.0) == ("a:b ü", 100)
    with pytest.raises(Problem, match="over"):
        tokens.read(token, now_s=100.0)
    for other in (token[:-1], token + "A", "", "shoal_user_", "é", token.swapcase()):
        with pytest.raises(Problem):
            tokens.read(other, now_s=0.0)
    with pytest.raises(Problem):
        Tokens("another secret...").read(token, now_s=0.0)
    with pytest.raises(Problem, match="SHOAL_TOKEN_SECRET"):
        Tokens("").make("u", until_s=1)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(UserError, match="16"):
        Tokens("short")


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


class GuardedBytes(Guarded, bytes):
    """A signature that is right."""


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
    tokens = Tokens("sixteen letters!")
    token = tokens.make("ann", until_s=100)
    sign = tokens._sign
    monkeypatch.setattr(tokens, "_sign", lambda said: GuardedBytes(sign(said)))
    assert tokens.read(token, now_s=0.0) == ("ann", 100)
    with pytest.raises(Problem):
        tokens.read(token.swapcase(), now_s=0.0)
