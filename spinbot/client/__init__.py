"""The Python client of a spinbot service. Speaks HTTP only and knows nothing else of spinbot but its errors."""

from spinbot.client.aio import AsyncClient
from spinbot.client.blocking import Client
from spinbot.client.models import (
    Capabilities,
    Event,
    GoneProfile,
    Job,
    JobSummary,
    Model,
    Node,
    NodeType,
    Plan,
    Profile,
    ProfilePart,
    Queue,
    Template,
    Trace,
    Upload,
    Voice,
)
from spinbot.client.transfer import OnProgress

__all__ = [
    "AsyncClient",
    "Capabilities",
    "Client",
    "Event",
    "GoneProfile",
    "Job",
    "JobSummary",
    "Model",
    "Node",
    "NodeType",
    "OnProgress",
    "Plan",
    "Profile",
    "ProfilePart",
    "Queue",
    "Template",
    "Trace",
    "Upload",
    "Voice",
]
