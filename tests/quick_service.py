"""What makes the service quick in the process of the tests: templates stay compiled, passwords cost little to hash."""

from types import CodeType

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache

from service.identity import passwords


class _Templates(BytecodeCache):
    """What templates were compiled to, by their names and texts."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Put what is known of a template into the bucket."""
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Know it from now on."""
        assert bucket.code is not None
        self._known[bucket.key, bucket.checksum] = bucket.code


def remember_templates(patch: pytest.MonkeyPatch) -> None:
    """Compile a template once in a process, and not once for each application of a test."""
    patch.setattr(Flask, "jinja_options", {"bytecode_cache": _Templates()})


def hash_passwords_quickly(patch: pytest.MonkeyPatch) -> None:
    """Hash the passwords of tests in a thousandth of the memory that the product takes."""
    patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords._nobodys_hash.cache_clear()
