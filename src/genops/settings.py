"""Every setting, once: its name, its type and what it means. Where values come from is `genops.layers`."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from genops.core.attribution import FIELDS, checked
from genops.core.currencies import CURRENCIES
from genops.core.decisions import Mode, OnFault
from genops.core.names import host_of
from genops.errors import ConfigurationError, InvalidArgument, nearest
from genops.layers import Layer, Path, arguments, environment, file_layer, merged, nested
from genops.lineage_settings import LineageSettings, SqlSettings

Name = Annotated[str, Field(min_length=1, max_length=128)]
Rate = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
DataClass = Literal["public", "internal", "confidential", "restricted"]
Unresolved = Literal["deny", "warn", "allow"]


def _unit(value: str) -> str:
    if value in {"DBU", "call"} or value in CURRENCIES:
        return value
    raise ValueError("expected an active currency code of ISO 4217 such as 'USD', or 'DBU', or 'call'")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AttributionSettings(_Model):
    """Who pays where the code does not say.

    Attributes:
        team: Team; required for a unit to be compliant.
        project: Project; required as well.
        environment: Environment; required as well, derived from the workspace host where that says it in whole words.
        cost_center: Cost centre.
        customer_id: Customer the work is done for.
        feature: Feature or product.
        user: User; never taken from the operating system.
        business_unit: Business unit.
    """

    team: str | None = None
    project: str | None = None
    environment: str | None = None
    cost_center: str | None = None
    customer_id: str | None = None
    feature: str | None = None
    user: str | None = None
    business_unit: str | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> AttributionSettings:
        for name, value in self.known().items():
            try:
                checked(name, value)
            except InvalidArgument as error:
                raise ValueError(str(error)) from None
        return self

    def known(self) -> dict[str, str | None]:
        """Return the fields that are set."""
        return {name: value for name in FIELDS if (value := getattr(self, name)) is not None}


class DefaultAttributionSettings(AttributionSettings):
    """Who pays where neither the code nor its workspace say, and whether the platform is told.

    Attributes:
        inject: Attribution is written into the query tags of statements, which the platform keeps; the user is not.
    """

    inject: bool = False


class BudgetSettings(_Model):
    """One budget.

    Attributes:
        limit: How much of `unit` may be used in a period; at most six decimal places.
        unit: ISO 4217 currency, `DBU` or `call`.
        period: Calendar period in UTC.
        team: Applies to this team's operations only; likewise the next six.
        project: Project.
        environment: Environment.
        cost_center: Cost centre.
        customer_id: Customer.
        feature: Feature.
        business_unit: Business unit.
        workspace: Host of the workspace.
        reserve_seconds: How many seconds at its price a priced statement reserves, until estimates exist.
    """

    limit: Annotated[Decimal, Field(ge=0, allow_inf_nan=False, decimal_places=6)]
    unit: Annotated[str, AfterValidator(_unit)] = "USD"
    period: Literal["day", "week", "month", "year", "total"] = "month"
    team: Name | None = None
    project: Name | None = None
    environment: Name | None = None
    cost_center: Name | None = None
    customer_id: Name | None = None
    feature: Name | None = None
    business_unit: Name | None = None
    workspace: Annotated[Name, AfterValidator(host_of)] | None = None
    reserve_seconds: Seconds = 60.0

    def scope(self) -> dict[str, str]:
        """Return the attribution fields that an operation must have for the budget to apply."""
        fields = ("team", "project", "environment", "cost_center", "customer_id", "feature", "business_unit")
        return {name: value for name in fields if (value := getattr(self, name)) is not None}


class BudgetsSettings(BaseModel):
    """Budgets by name, and what happens to a billable operation without a price.

    Attributes:
        on_unpriced: `block`: a money budget refuses it in enforce mode and warns in observe mode; `allow`: it runs.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, BudgetSettings] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]

    on_unpriced: Literal["block", "allow"] = "block"

    def named(self) -> dict[str, BudgetSettings]:
        """Return the budgets by name."""
        return dict(self.__pydantic_extra__)


class PolicySettings(_Model):
    """One rule.

    Attributes:
        type: `data_clearance`: a team may touch tables up to its clearance.
        clearances: Class by team.
        default: Clearance of teams that are not listed; unset = none at all.
        on_unresolved: What happens where the class of a table is not known.
    """

    type: Literal["data_clearance"] = "data_clearance"
    clearances: dict[Name, DataClass] = {}
    default: DataClass | None = None
    on_unresolved: Unresolved = "deny"


class ClassificationSettings(_Model):
    """How sensitive data is.

    Attributes:
        tables: Class by table name; `*` stands for any part.
    """

    tables: dict[Name, DataClass] = {}


class WorkspaceSettings(_Model):
    """Facts and defaults of one workspace; they win over what is learnt from its responses.

    Attributes:
        cloud: Cloud it runs in.
        tier: Its plan.
        region: The cloud's own name of the region.
        metastore_id: Its metastore.
        attribution: Who pays for operations against it; wins over the global attribution.
        budgets: Budgets that apply to it only.
    """

    cloud: Literal["aws", "azure", "gcp"] | None = None
    tier: Literal["standard", "premium", "enterprise"] | None = None
    region: Name | None = None
    metastore_id: Name | None = None
    attribution: AttributionSettings = AttributionSettings()
    budgets: dict[Name, BudgetSettings] = {}

    def facts(self) -> dict[str, str]:
        """Return the facts that are declared."""
        names = ("cloud", "tier", "region", "metastore_id")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class BatchSettings(_Model):
    """How genops' own processors and exporters batch.

    Attributes:
        size: Most spans or events in one export.
        flush_interval_seconds: Longest time until an export.
        async_export: False exports inside the call: for tests only.
        compression: gzip for OTLP.
    """

    size: Annotated[int, Field(ge=1, le=8192)] = 512
    flush_interval_seconds: Seconds = 1.0
    async_export: bool = True
    compression: bool = True


class SamplingSettings(_Model):
    """Sampling of genops' own spans; events, totals, budgets and violations are never sampled.

    Attributes:
        enabled: Whether spans are sampled at all.
        rate: Share of spans that are created.
        rates: The same by class of operation.
    """

    enabled: bool = False
    rate: Rate = 1.0
    rates: dict[Literal["read", "write", "query", "admin"], Rate] = {}


with warnings.catch_warnings():
    # pydantic warns of every field that is called as one of its own methods: this one is deprecated and used nowhere.
    warnings.simplefilter("ignore", UserWarning)

    class TelemetrySettings(_Model):
        """Where telemetry goes and how.

        Attributes:
            export: `none`, `otlp`, `console`, the name of a preset such as `honeycomb`, the path of a file of OTLP JSON
                lines, or several of them; unset = `otlp` where the environment names an endpoint, otherwise `none`.
            events: `log`: events are log records; `span`: span events.
            exit_timeout_seconds: Bound of all signals together at exit.
            batch: Batching.
            sampling: Sampling.
            console: One line an operation on the terminal.
            require_encryption: Plain text beyond this machine is refused, and so is a file, which is not encrypted.
            validate: Whether what leaves is held against the registry; what is wrong is counted and logged, and leaves.
            trace_correlation: Whether the program's log records carry the ids of the span that they were written in.
            performance_metrics: Whether genops measures itself: admission, settlement, export, queues.
        """

        export: str | tuple[str, ...] | None = None
        events: Literal["log", "span"] = "log"
        exit_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 3.0
        batch: BatchSettings = BatchSettings()
        sampling: SamplingSettings = SamplingSettings()
        console: bool = False
        require_encryption: bool = False
        validate: bool = False  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]  (as said above)
        trace_correlation: bool = False
        performance_metrics: bool = False

        @model_validator(mode="after")
        def _events_survive(self) -> TelemetrySettings:
            if self.events == "span" and self.sampling.enabled:
                raise ValueError(
                    "events='span' with sampling enabled would lose the events of spans that are not sampled: "
                    "use events='log' or switch sampling off"
                )
            return self


class Settings(_Model):
    """All settings.

    Attributes:
        mode: `off`, `observe` or `enforce`.
        on_fault: What enforce mode does when a decision itself fails.
        log_level: Level of the `genops` logger; unset leaves it alone.
        attribution: Who pays.
        workspaces: Facts and defaults by workspace host.
        telemetry: Where telemetry goes.
        budgets: Limits.
        policies: Rules by name.
        classification: How sensitive tables are.
        sql: How statements are spoken of, and what is asked to understand them.
        lineage: How data flows between datasets.
        origins: Where each value that is not a default came from, by dotted name.
    """

    mode: Mode = Mode.OBSERVE
    on_fault: OnFault = OnFault.BLOCK
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] | None = None
    attribution: DefaultAttributionSettings = DefaultAttributionSettings()
    workspaces: dict[Name, WorkspaceSettings] = {}
    telemetry: TelemetrySettings = TelemetrySettings()
    budgets: BudgetsSettings = BudgetsSettings()
    policies: dict[Name, PolicySettings] = {}
    classification: ClassificationSettings = ClassificationSettings()
    sql: SqlSettings = SqlSettings()
    lineage: LineageSettings = LineageSettings()
    origins: dict[str, str] = Field(default={}, exclude=True, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._comparable() == other._comparable()

    def _comparable(self) -> tuple[Any, ...]:
        key = self.sql.hash_key
        return self.model_dump(), None if key is None else key.get_secret_value()

    __hash__ = None  # pyright: ignore[reportAssignmentType]


def load(
    given: dict[str, Any] | None = None,
    *,
    settings_file: str | None = None,
    ambient: bool = True,
    beneath: Iterable[Mapping[str, Any]] = (),
) -> Settings:
    """Gather the settings from arguments, environment and file, in this order of precedence.

    Args:
        given: Arguments by canonical name, last part or the guide's keyword.
        settings_file: A TOML file instead of the one that is found upwards from the working directory.
        ambient: False leaves environment and files alone.
        beneath: Further arguments, each of lower precedence than what comes before it.

    Raises:
        ConfigurationError: A name is unknown or a value cannot be honoured.
    """
    layers: list[Layer] = [arguments(given or {}, leaves(Settings))]
    if ambient:
        layers.append(environment())
    if ambient or settings_file is not None:
        layers.append(file_layer(settings_file, leaves(Settings)))
    layers.extend(arguments(below, leaves(Settings)) for below in beneath)
    values, origins = merged(layers)
    try:
        return Settings.model_validate({**nested(values), "origins": {".".join(p): o for p, o in origins.items()}})
    except ValidationError as error:
        raise ConfigurationError(_told(error, origins)) from None


def leaves(model: type[BaseModel], above: Path = ()) -> dict[Path, bool]:
    """Return the path of every setting of a model; True where the setting is a table with free keys."""
    found: dict[Path, bool] = {}
    for name, field in model.model_fields.items():
        if name == "origins":
            continue
        kind = field.annotation
        if get_origin(kind) is None and inspect.isclass(kind) and issubclass(kind, BaseModel):
            found |= leaves(kind, (*above, name))
            if kind.model_config.get("extra") == "allow":
                found[(*above, name)] = True
        else:
            found[(*above, name)] = str(kind).startswith("dict[")
    return found


def _told(error: ValidationError, origins: dict[Path, str]) -> str:
    """Return what is wrong with each value: its name, where it came from, what it is, what was expected."""
    lines: list[str] = []
    for detail in error.errors():
        path = tuple(str(part) for part in detail["loc"] if not str(part).startswith("function-"))
        origin = next((o for p, o in origins.items() if p == path or p[: len(path)] == path), "")
        secret = path[:1] == ("sql",) or path[:2] == ("lineage", "openlineage")
        shown = "(withheld)" if secret else repr(detail["input"])
        hint = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            hint = "no such setting" + nearest(path[-1], _NAMES)
        lines.append(f"{'.'.join(path) or 'settings'}={shown}{f' (from {origin})' if origin else ''}: {hint}")
    return "; ".join(lines)


_NAMES = {p[-1] for p in leaves(Settings)} | {
    *BudgetSettings.model_fields,
    *PolicySettings.model_fields,
    *WorkspaceSettings.model_fields,
}
