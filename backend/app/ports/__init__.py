"""What the use cases need from the outside world, as shapes. Adapters fill them in.

No dictionary crosses this line: providers' data becomes the dataclasses below, providers'
failures become one of the three ``ProviderError`` kinds.
"""

from __future__ import annotations

from app.ports.files import (
    Baked,
    DocumentPreparer,
    FileLinks,
    FileStore,
    Limits,
    Prepared,
)
from app.ports.messaging import (
    Button,
    ContentText,
    InboundForm,
    InboundMedia,
    InboundMessage,
    MediaRef,
    Messenger,
    Outgoing,
    SentMessage,
    StatusForm,
    WhatsAppDoor,
    Words,
)
from app.ports.payments import (
    GatewayDispute,
    GatewayEvent,
    LinkPayment,
    LinkRequest,
    PaymentDoor,
    PaymentGateway,
    PaymentLink,
    ProviderPayment,
    ProviderRefund,
)
from app.ports.queue import (
    LEASE_SECONDS,
    Offer,
    WakeUp,
)
from app.ports.staff import (
    SignedIn,
    Table,
)

__all__ = [
    "LEASE_SECONDS",
    "Baked",
    "Button",
    "ContentText",
    "DocumentPreparer",
    "FileLinks",
    "FileStore",
    "GatewayDispute",
    "GatewayEvent",
    "InboundForm",
    "InboundMedia",
    "InboundMessage",
    "Limits",
    "LinkPayment",
    "LinkRequest",
    "MediaRef",
    "Messenger",
    "Offer",
    "Outgoing",
    "PaymentDoor",
    "PaymentGateway",
    "PaymentLink",
    "Prepared",
    "ProviderPayment",
    "ProviderRefund",
    "SentMessage",
    "SignedIn",
    "StatusForm",
    "Table",
    "WakeUp",
    "WhatsAppDoor",
    "Words",
]
