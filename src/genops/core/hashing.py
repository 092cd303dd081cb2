"""The hashes that stand for texts which may not leave, and the one key of the process for them."""

from __future__ import annotations

import hashlib
import secrets


class _Key:
    """Random for each process unless it is configured."""

    def __init__(self) -> None:
        self.of_process = secrets.token_bytes(32)
        self.key = self.of_process


_hashing = _Key()


def configure(hash_key: bytes | None) -> None:
    """Set the key, so that equal texts have equal hashes in every process that has it.

    Args:
        hash_key: The key; longer ones than 64 bytes are hashed first. `None` is the random key of this process.
    """
    if hash_key is None:
        _hashing.key = _hashing.of_process
    else:
        _hashing.key = hash_key if len(hash_key) <= hashlib.blake2b.MAX_KEY_SIZE else hashlib.blake2b(hash_key).digest()


def keyed(text: str, size: int) -> str:
    """Return a hash that nobody without the key can guess by hashing guesses.

    Args:
        text: Any text, lone surrogates included.
        size: Its length in bytes, at most 64; the answer has two hexadecimal digits for each.
    """
    return _digest(text, size, _hashing.key)


def plain(text: str, size: int) -> str:
    """Return a hash that is the same in every process, for texts that may be shown.

    Args:
        text: Any text, lone surrogates included.
        size: Its length in bytes, at most 64; the answer has two hexadecimal digits for each.
    """
    return _digest(text, size, b"")


def _digest(text: str, size: int, key: bytes) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=size).hexdigest()
