"""Who pays: blocks, defaults by host, and how they travel."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
import pickle
import threading

import pytest

from genops.core.attribution import Attribution, attribution, current_attribution, environment_of
from genops.core.governor import Settings
from genops.errors import InvalidArgument
from support.governed import call


def team():
    """Who pays here."""
    return current_attribution().team


@attribution(team="decorated")
def plain():
    """A decorated function, at a place where it can be pickled."""
    return team()


def test_blocks_nest_and_the_inner_fields_win():
    """The inner block's fields win, the others stay, and leaving restores."""
    with attribution(team="a", project="p"):
        with attribution(team="b", feature="f") as inner:
            assert inner.values == {"team": "b", "project": "p", "feature": "f"}
            with attribution(team=None):
                assert team() == "b"
        assert current_attribution().values == {"team": "a", "project": "p"}
    assert not current_attribution().values


def test_a_block_may_be_entered_again_inside_itself():
    """One block object nests in itself."""
    block = attribution(team="a")
    with block, attribution(team="b"), block:
        assert team() == "a"
    assert team() is None


def test_one_block_object_serves_many_threads():
    """Threads that share a block object never leave each other's."""
    block, barrier, seen = attribution(team="shared"), threading.Barrier(8, timeout=120), []

    def work():
        for _ in range(50):
            with block:
                barrier.wait()
                seen.append(team())
            seen.append(team())

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(8)]:
            future.result()
    assert seen.count("shared") == 400
    assert seen.count(None) == 400


def test_one_block_object_serves_many_tasks():
    """Tasks that share a block object never leave each other's."""
    block = attribution(team="shared")

    async def work(number):
        async with block:
            await asyncio.sleep(0.001 * (number % 3))
            assert team() == "shared"
        assert team() is None

    async def main():
        await asyncio.gather(*(work(number) for number in range(20)))

    asyncio.run(main())


def test_a_block_left_in_another_context_leaves_it_untouched():
    """A block inside a generator that another context closes ends quietly and changes nothing there."""

    def steps():
        with attribution(team="inside"):
            yield

    generator = steps()
    contextvars.copy_context().run(next, generator)
    with attribution(team="here"):
        generator.close()
        assert team() == "here"


def test_tasks_take_the_attribution_they_were_created_in():
    """A task keeps what was around its creation."""

    async def work():
        await asyncio.sleep(0)
        return team()

    async def main():
        with attribution(team="a"):
            task = asyncio.create_task(work())
        with attribution(team="b"):
            return await task, await work()

    assert asyncio.run(main()) == ("a", "b")


def test_a_bare_thread_starts_without():
    """As with every context variable, a bare thread starts without it and a copied context carries it."""
    with attribution(team="a"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(contextvars.copy_context().run, team).result() == "a"
        seen = []
        thread = threading.Thread(target=contextvars.Context().run, args=(lambda: seen.append(team()),))
        thread.start()
        thread.join()
    assert seen == [None]


def test_a_decorated_function_runs_inside():
    """Functions: attributed while they run, same name, picklable."""
    assert plain() == "decorated"
    assert team() is None
    assert plain.__name__ == "plain"
    assert pickle.loads(pickle.dumps(plain)) is plain


def test_a_decorated_coroutine_runs_inside():
    """Coroutine functions stay coroutine functions."""

    @attribution(team="a")
    async def work():
        await asyncio.sleep(0)
        return team()

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work()) == "a"


def test_a_decorated_generator_runs_inside_and_leaves_its_consumer_alone():
    """Generators are attributed while they run, never while their consumer works; send, throw and return pass."""

    @attribution(team="a")
    def work():
        got = [team()]
        try:
            got.append((yield team()))
        except KeyError:
            got.append("caught")
        got.append((yield team()))
        return got

    assert inspect.isgeneratorfunction(work)
    generator = work()
    assert next(generator) == "a"
    assert team() is None
    assert generator.throw(KeyError("x")) == "a"
    with pytest.raises(StopIteration) as stopped:
        generator.send("sent")
    assert stopped.value.value == ["a", "caught", "sent"]


def test_a_decorated_generator_closes_inside():
    """The end of a generator that is closed early is attributed too."""
    seen = []

    @attribution(team="a")
    def work():
        try:
            yield
        finally:
            seen.append(team())

    generator = work()
    next(generator)
    generator.close()
    assert seen == ["a"]


def test_a_decorated_asynchronous_generator_runs_inside():
    """Asynchronous generators: attributed while they run, and what is thrown in reaches them."""
    seen = []

    @attribution(team="a")
    async def work():
        try:
            seen.append((yield team()))
        except KeyError:
            yield "caught"
        finally:
            seen.append(team())

    async def main():
        generator = work()
        assert await generator.asend(None) == "a"
        assert team() is None
        assert await generator.athrow(KeyError("x")) == "caught"
        await generator.aclose()
        assert [item async for item in work()] == ["a"]
        early = work()
        await early.__anext__()
        await early.aclose()

    assert inspect.isasyncgenfunction(work)
    asyncio.run(main())
    assert seen == ["a", None, "a", "a"]


def test_a_block_wins_over_the_host_and_the_host_over_the_default(govern, sink):
    """Precedence: a block, then what is configured for the workspace, then the default."""
    default = Attribution({"team": "default", "project": "default", "environment": "default"})
    by_host = {"acme": Attribution({"team": "host", "project": "host"})}
    govern(settings=Settings(attribution=default, by_host=by_host))
    with attribution(team="block"):
        call(op_host="acme")
    call(op_host="other")
    first, second = (settled.operation.attribution.values for settled in sink.settled)
    assert first == {"team": "block", "project": "host", "environment": "default"}
    assert set(second.values()) == {"default"}


def test_the_environment_is_derived_from_the_host_where_nobody_said(govern, sink):
    """A host's words name the environment only where neither block, workspace nor default does."""
    settings = Settings(
        attribution=Attribution({"team": "t"}),
        by_host={"x-prod.example.com": Attribution({"environment": "said"})},
        environment_of=environment_of,
    )
    govern(settings=settings)
    for host in ("acme-prod.example.com", "x-prod.example.com", "acme-nonprod.example.com"):
        call(op_host=host)
    found = [settled.operation.attribution.environment for settled in sink.settled]
    assert found == ["production", "said", None]


def test_hosts_beyond_the_bound_are_served_too(governor):
    """The table of hosts is bounded, and what is not in it is found again each time."""
    for number in range(1_100):
        assert governor.attribution(f"host-{number}").team == "data-eng"
    assert len(governor._by_host) == 1_000


@pytest.mark.parametrize(
    ("host", "environment"),
    [
        ("acme-prod.cloud.databricks.com", "production"),
        ("prod.acme.com", "production"),
        ("acme_staging.example.com", "staging"),
        ("dev-1.example.com", "development"),
        ("qa.example.com", "test"),
        ("acme-nonprod.example.com", None),
        ("acme-non-prod.example.com", None),
        ("acme-preprod.example.com", None),
        ("pre-prod.example.com", None),
        ("not-production.example.com", None),
        ("productions.example.com", None),
        ("reproduction.example.com", None),
        ("dev-prod.example.com", None),
        ("PROD.EXAMPLE.COM", "production"),
        ("", None),
    ],
)
def test_the_environment_is_read_by_whole_words(host, environment):
    """Only whole words name an environment, and a negation or a contradiction names none."""
    assert environment_of(host) == environment


def test_attributions_are_values():
    """Equal by value, hashable, picklable, with their attributes built once."""
    first, second = Attribution({"team": "a", "user": "u"}), Attribution({"user": "u", "team": "a"})
    assert first == second
    assert hash(first) == hash(second)
    assert pickle.loads(pickle.dumps(first)) == first
    assert first.attributes == {"genops.team": "a", "genops.user.id": "u"}
    assert first.labels == ("a", "", "")
    assert first.missing == ("project", "environment")
    assert not first.complete
    assert first != "a"
    assert "team='a'" in repr(first)
    with pytest.raises(AttributeError):
        _ = first.colour


def test_merging_is_bounded_and_says_the_same():
    """An attribution remembers few of those it was laid over."""
    top = Attribution({"team": "a"})
    for number in range(200):
        merged = top.over(Attribution({"team": "b", "project": str(number)}))
        assert merged.values == {"team": "a", "project": str(number)}
    assert len(top._merged) <= 65
    assert top.over(top) is top
    assert top.over(Attribution()) is top
    assert Attribution().over(top) is top


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"team": ""}, "team=''"),
        ({"team": "  "}, "expected a non-empty string"),
        ({"team": 3}, "team=3"),
        ({"team": "x" * 300}, "at most 256 characters"),
        ({"taem": "a"}, "did you mean 'team'"),
        ({"colour": "a"}, "known are team, project"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(fields, message):
    """A wrong field is a typed error that names the value, what is expected and the way out."""
    with pytest.raises(InvalidArgument, match=message):
        attribution(**fields)
