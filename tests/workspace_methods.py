"""Write docs/local-workspace-methods.md, or with `--check` say whether it is up to date.

PYTHONPATH=src:tests python tests/workspace_methods.py
"""

from __future__ import annotations

import sys

from support.compatibility import REFUSED, WORKS
from support.compatibility_page import PAGE, measured, page


def main() -> int:
    """Measure, and write or compare; 1 where the page is not as it should be, or a method answered wrongly."""
    outcomes = measured()
    wrong = [
        f"{each.method}: {each.verdict} {each.detail}" for each in outcomes if each.verdict not in (WORKS, REFUSED)
    ]
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    text = page(outcomes)
    if "--check" in sys.argv[1:]:
        return int(bool(wrong) or PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
