"""Work that needs no wait is done at once; the rest is waited for as if nothing had happened."""

from __future__ import annotations

import asyncio

import pytest

from npsight.service.begun import Begun


async def at_once() -> str:
    return "there"


async def fails(wait: float | None) -> str:
    if wait is not None:
        await asyncio.sleep(wait)
    raise KeyError("broken")


def test_what_is_there_is_there_without_a_loop() -> None:
    assert Begun(at_once()).results == ("there",)


def test_what_is_there_can_be_awaited_too() -> None:
    async def whole() -> str:
        return await Begun(at_once())

    assert asyncio.run(whole()) == "there"


@pytest.mark.parametrize("wait", [0, 0.001])
def test_what_is_not_there_is_waited_for(wait: float) -> None:
    async def late() -> list[int]:
        seen = [1]
        await asyncio.sleep(wait)
        seen.append(2)
        await asyncio.sleep(wait)
        return [*seen, 3]

    async def whole() -> tuple[tuple[list[int], ...], list[int]]:
        begun = Begun(late())
        return begun.results, await begun

    assert asyncio.run(whole()) == ((), [1, 2, 3])


def test_another_task_can_give_what_is_waited_for() -> None:
    async def whole() -> str:
        given: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def waits() -> str:
            return await given

        begun = Begun(waits())
        asyncio.get_running_loop().call_soon(given.set_result, "given")
        return await begun

    assert asyncio.run(whole()) == "given"


@pytest.mark.parametrize("wait", [None, 0, 0.001])
def test_a_fault_is_the_callers(wait: float | None) -> None:
    async def whole() -> None:
        await Begun(fails(wait))

    with pytest.raises(KeyError, match="broken"):
        asyncio.run(whole())


def test_who_stops_waiting_ends_the_work() -> None:
    ended = []

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def whole() -> None:
        begun = Begun(never())
        with pytest.raises(TimeoutError, match="^$"):
            async with asyncio.timeout(0.01):
                await begun
        assert ended == [True]

    asyncio.run(whole())
