"""Registered models with their versions and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.identity import stable_id
from genops.testing.workspace.http.wire import ApiError, Json, absent, invalid
from genops.testing.workspace.unity.names import checked_name

if TYPE_CHECKING:
    from genops.testing.workspace.unity.catalog import UnityCatalog

_VERSION_FACTS = ("comment", "source", "run_id", "run_workspace_id", "model_version_dependencies")


class Models:
    """Models by full name, and versions by model and number.

    Args:
        catalog: What they are part of.
    """

    def __init__(self, catalog: UnityCatalog) -> None:
        self._catalog = catalog
        self.versions: dict[str, dict[int, Json]] = {}
        self.aliases: dict[str, dict[str, int]] = {}
        self._last: dict[str, int] = {}

    def get(self, full_name: str) -> Json:
        """A model by its three-part name."""
        return self._catalog.securable("model", full_name)

    def create(self, given: Json) -> Json:
        """Create a model without versions."""
        with self._catalog.lock:
            schema = self._catalog.schema_key(given.get("catalog_name"), given.get("schema_name"))
            full_name = self._catalog.free("model", f"{schema}.{checked_name(given.get('name'))}")
            self._catalog.free("function", full_name)
            info = self._catalog.new("model", full_name, given)
            where = f"s3://local-workspace/models/{stable_id('model', full_name)}"
            info["storage_location"] = given.get("storage_location") or where
            self.versions[full_name], self.aliases[full_name], self._last[full_name] = {}, {}, 0
            return self._catalog.add("model", info)

    def drop(self, full_name: str, *, force: bool = False) -> None:
        """Delete a model with its versions.

        Raises:
            ApiError: It has versions and ``force`` was not given, as where the call is the user's own.
        """
        with self._catalog.lock:
            key = self.get(full_name)["full_name"]
            if self.versions[key] and not force:
                raise ApiError(
                    400, "INVALID_STATE", f"Function '{key}' is not empty. The function has {len(self.versions[key])} "
                    "model version(s)",
                )  # fmt: skip
            for held in (self.versions, self.aliases, self._last):
                del held[key]
            self._catalog.remove("model", key)

    def rename(self, info: Json, name: Any) -> None:
        """Give a model a new name in its schema."""
        with self._catalog.lock:
            old = info["full_name"]
            new = self._catalog.free("model", f"{old.rsplit('.', 1)[0]}.{checked_name(name)}")
            self.move(old, new)

    def move(self, old: str, new: str) -> None:
        """Give a model and its versions another full name."""
        self.versions[new], self.aliases[new] = self.versions.pop(old), self.aliases.pop(old)
        self._last[new] = self._last.pop(old)
        info = self._catalog.move("model", old, new)
        for version in self.versions[new].values():
            version.update(catalog_name=info["catalog_name"], schema_name=info["schema_name"], model_name=info["name"])

    # Between two starts

    def state(self) -> Json:
        """What lasts of versions and aliases."""
        return {"versions": self.versions, "aliases": self.aliases, "last": self._last}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        for name, held in state["versions"].items():
            self.versions[name] = {int(number): version for number, version in held.items()}
        self.aliases.update(state["aliases"])
        self._last.update(state["last"])

    # Versions

    def version(self, full_name: str, number: str) -> Json:
        """A version of a model."""
        key = self.get(full_name)["full_name"]
        if not number.isdigit():
            raise invalid(f"version must be a whole number, not {number!r}")
        found = self.versions[key].get(int(number))
        if found is None:
            raise absent(f"Model version '{key}' version {number} does not exist.")
        return found

    def add_version(self, given: Json) -> Json:
        """Register a version, as MLflow does before it uploads the files; :meth:`finalize` makes it ready."""
        with self._catalog.lock:
            parts = [str(given.get(field)) for field in ("catalog_name", "schema_name", "model_name")]
            model = self.get(".".join(parts))
            key = model["full_name"]
            self._last[key] += 1
            number = self._last[key]
            facts = self._catalog.new("model", key, {})
            kept = (
                "catalog_name",
                "schema_name",
                "metastore_id",
                "created_at",
                "created_by",
                "updated_at",
                "updated_by",
            )
            self.versions[key][number] = {
                **{field: facts[field] for field in kept},
                **{field: given[field] for field in _VERSION_FACTS if given.get(field) is not None},
                "model_name": model["name"],
                "version": number,
                "id": stable_id("model version", key, str(number)),
                "status": "PENDING_REGISTRATION",
                "storage_location": f"{model['storage_location']}/versions/{number}",
            }
            return self.versions[key][number]

    def finalize(self, full_name: str, number: str) -> Json:
        """Make a version ready once its files are there."""
        return self._catalog.touch(self.version(full_name, number), status="READY")

    def drop_version(self, full_name: str, number: str) -> None:
        """Delete a version, and the aliases that mean it."""
        with self._catalog.lock:
            self.version(full_name, number)
            key = self.get(full_name)["full_name"]
            del self.versions[key][int(number)]
            self.aliases[key] = {name: of for name, of in self.aliases[key].items() if of != int(number)}

    # Aliases

    def set_alias(self, full_name: str, alias: str, number: Any) -> Json:
        """Let an alias mean a version."""
        with self._catalog.lock:
            info = self.get(full_name)
            self.version(full_name, str(number))
            self.aliases[info["full_name"]][alias.lower()] = int(number)
            self._catalog.touch(info)
            return self.alias(info, alias.lower())

    def drop_alias(self, full_name: str, alias: str) -> None:
        """Let an alias mean nothing."""
        with self._catalog.lock:
            info = self.get(full_name)
            self.by_alias(full_name, alias)
            del self.aliases[info["full_name"]][alias.lower()]
            self._catalog.touch(info)

    def by_alias(self, full_name: str, alias: str) -> Json:
        """The version that an alias means."""
        key = self.get(full_name)["full_name"]
        number = self.aliases[key].get(alias.lower())
        if number is None:
            raise absent(f"Alias '{alias}' does not exist on model '{key}'.")
        return self.versions[key][number]

    def alias(self, info: Json, alias: str) -> Json:
        """An alias in the shape of the API."""
        return {
            "alias_name": alias,
            "version_num": self.aliases[info["full_name"]][alias],
            "catalog_name": info["catalog_name"],
            "schema_name": info["schema_name"],
            "model_name": info["name"],
        }

    def aliases_of(self, info: Json, number: int | None = None) -> list[Json]:
        """The aliases of a model, or of one of its versions."""
        held = sorted(self.aliases[info["full_name"]].items())
        return [self.alias(info, name) for name, of in held if number in (None, of)]
