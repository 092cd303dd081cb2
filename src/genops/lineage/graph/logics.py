"""What makes targets out of sources, each kept once, as long as an edge has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genops.lineage.graph.nouns import Logic

MAX_LOGICS = 10_000
MAX_TEXT = 4_096
NONE = -1


class Logics:
    """Gives logics numbers and counts who uses them. A number that nobody uses any more is given again.

    Attributes:
        refused: Logics that there was no room for.
        uses: How often each number is used.
    """

    def __init__(self) -> None:
        self.refused = 0
        self.uses: list[int] = []
        self._logics: list[Logic | None] = []
        self._numbers: dict[Logic, int] = {}
        self._free: list[int] = []

    def take(self, logic: Logic | None) -> int:
        """Return the number of a logic, used once more; -1 where there is none, or no room for it.

        A text of more than 4,096 characters is withheld; its fingerprint stays.
        """
        if logic is None:
            return NONE
        if logic.text is not None and len(logic.text) > MAX_TEXT:
            logic = logic._replace(text=None)
        number = self._numbers.get(logic)
        if number is None:
            if len(self._numbers) >= MAX_LOGICS:
                self.refused += 1
                return NONE
            number = self._add(logic)
        self.uses[number] += 1
        return number

    def _add(self, logic: Logic) -> int:
        if self._free:
            number = self._free.pop()
            self._logics[number] = logic
        else:
            number = len(self._logics)
            self._logics.append(logic)
            self.uses.append(0)
        self._numbers[logic] = number
        return number

    def release(self, number: int) -> None:
        """Count one use less; -1 is nobody's."""
        if number < 0:
            return
        self.uses[number] -= 1
        logic = self._logics[number]
        if logic is not None and not self.uses[number]:
            del self._numbers[logic]
            self._logics[number] = None
            self._free.append(number)

    def at(self, number: int) -> Logic | None:
        """Return a logic by its number."""
        return self._logics[number] if number >= 0 else None
