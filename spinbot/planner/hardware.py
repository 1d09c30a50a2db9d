"""Whether the host groups, and the machines of a cluster, can ever hold what a graph asks for; and what is missing.

Sums declared figures: the catalogue's memory of models, the settings' budgets, the machines' resources. Says nothing
of what is free at the moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from spinbot.actors.pool import group_for
from spinbot.config import HostGroup

Machine = Mapping[str, float]
"""Resources of one machine as Ray names them: `CPU`, `GPU`, `memory` in bytes, and custom ones."""
Use = tuple[tuple[str, ...], Mapping[str, str]]
"""The slots whose engines a node leases together, and the engine of each slot."""


class GroupNeed(BaseModel):
    """What a graph asks of one host group. All sizes in bytes."""

    model_config = ConfigDict(frozen=True)
    engines: dict[str, int] = Field(description="Memory of each engine that it loads, by slot/engine")
    memory_bytes: int = Field(description="Of all of them together")
    budget_bytes: int = Field(description="Beyond which engines are unloaded, least used first")
    missing: list[str] = Field(description="Why it can never hold them; empty: it can")
    notes: list[str] = Field(description="What will work, but slowly")


def group_needs(uses: Iterable[Use], hosts: Mapping[str, HostGroup], memory: Mapping[str, int]) -> dict[str, GroupNeed]:
    """What nodes ask of each group; `memory` has the bytes of each engine by `slot/engine`."""
    engines: dict[str, dict[str, int]] = {}
    at_once: dict[str, int] = {}
    for slots, chosen in uses:
        group = group_for(slots, hosts)
        own = {f"{slot}/{chosen[slot]}": memory[f"{slot}/{chosen[slot]}"] for slot in slots}
        engines.setdefault(group, {}).update(own)
        at_once[group] = max(at_once.get(group, 0), sum(own.values()))
    found = {}
    for group, loaded in engines.items():
        budget, total = int(hosts[group].memory_gb * 2**30), sum(loaded.values())
        missing, notes = [], []
        if at_once[group] > budget:
            missing.append(
                f"a node needs {_mb(at_once[group])} at once, the budget of host group {group} is {_mb(budget)}; "
                f"raise SPINBOT_HOSTS__{group.upper()}__MEMORY_GB"
            )
        elif total > budget:
            notes.append(f"host group {group} unloads engines in between: {_mb(total)} in a budget of {_mb(budget)}")
        found[group] = GroupNeed(engines=loaded, memory_bytes=total, budget_bytes=budget, missing=missing, notes=notes)
    return found


def lacking(
    needs: Mapping[str, GroupNeed], hosts: Mapping[str, HostGroup], cluster: Sequence[Machine]
) -> dict[str, list[str]]:
    """What a cluster can never give, by host group: for one process of each group, and for all of them together."""
    found: dict[str, list[str]] = {}
    for group, need in needs.items():
        wanted = _wanted(hosts[group], need)
        if not any(_fits(wanted, machine) for machine in cluster):
            found[group] = _shortfall(group, wanted, cluster)
    # Resources that Ray reserves stay reserved: the first process of a group never ends. Largest first.
    left = [dict(machine) for machine in cluster]
    rest = [group for group in needs if group not in found]
    for group in sorted(rest, key=lambda name: sum(hosts[name].resources.values()) + _size(hosts[name]), reverse=True):
        reserved = _reserved(hosts[group])
        place = next((machine for machine in left if _fits(reserved, machine)), None)
        if place is None:
            found[group] = [f"beside the other groups no machine has {_list(reserved)} left for host group {group}"]
        else:
            for name, amount in reserved.items():
                place[name] -= amount
    return found


def _reserved(group: HostGroup) -> dict[str, float]:
    declared = {"CPU": group.num_cpus, "GPU": group.num_gpus, **group.resources}
    return {name: amount for name, amount in declared.items() if amount}


def _wanted(group: HostGroup, need: GroupNeed) -> dict[str, float]:
    # Engines on a GPU take its memory, which machines do not declare.
    memory = {} if group.num_gpus else {"memory": float(min(need.memory_bytes, need.budget_bytes))}
    return _reserved(group) | memory


def _fits(wanted: Mapping[str, float], machine: Machine) -> bool:
    return all(machine.get(name, _absent(name, machine)) >= amount for name, amount in wanted.items())


def _absent(name: str, machine: Machine) -> float:
    """What a machine has of a resource that it does not declare: of memory enough, of all else nothing."""
    return float("inf") if name == "memory" else 0.0


def _shortfall(group: str, wanted: Mapping[str, float], cluster: Sequence[Machine]) -> list[str]:
    lines = []
    for name, amount in wanted.items():
        most = max((machine.get(name, _absent(name, machine)) for machine in cluster), default=0.0)
        if most < amount:
            lines.append(
                f"host group {group} needs {_amount(name, amount)}, no machine has more than {_amount(name, most)}"
            )
    return lines or [f"host group {group} needs {_list(wanted)} on one machine, none has all of it"]


def _size(group: HostGroup) -> float:
    return group.num_gpus * 1000 + group.num_cpus


def _list(amounts: Mapping[str, float]) -> str:
    return ", ".join(_amount(name, amount) for name, amount in amounts.items()) or "anything"


def _amount(name: str, amount: float) -> str:
    return _mb(int(amount)) + " of memory" if name == "memory" else f"{amount:g} {name}"


def _mb(size: int) -> str:
    return f"{size >> 20:,} MB"
