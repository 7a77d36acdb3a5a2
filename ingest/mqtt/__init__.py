"""Our own MQTT client for the hot path: subscribe, deliver in batches, acknowledge when told to.

Start at `subscriber.Subscriber`. Bytes come through `connection` (asyncio), `scanner` cuts them into packets,
`session` decides what a control packet means, `inbox` holds what the consumer has not taken yet.
"""

from ingest.mqtt.address import Address, parse_url, tls_context
from ingest.mqtt.delivered import Delivered
from ingest.mqtt.fields import MqttProtocolError
from ingest.mqtt.link import Link, LinkState
from ingest.mqtt.options import MqttOptions, Will
from ingest.mqtt.outcomes import Trouble
from ingest.mqtt.probe import probe
from ingest.mqtt.subscriber import Published, Subscriber

__all__ = [
    "Address",
    "Delivered",
    "Link",
    "LinkState",
    "MqttOptions",
    "MqttProtocolError",
    "Published",
    "Subscriber",
    "Trouble",
    "Will",
    "parse_url",
    "probe",
    "tls_context",
]
