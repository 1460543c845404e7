"""smpp34's server (Rust, PyPI) as a message centre: prints its port, does what each text says."""

import asyncio
import itertools
import sys

import smpp34

REFUSED = {b"throttle": smpp34.ESME_RTHROTTLED, b"stranger": smpp34.ESME_RINVDSTADR}
RECEIPT = "id:{} sub:001 dlvrd:001 submit date:2606011159 done date:2606011200 stat:DELIVRD err:000 text:"


async def main(port: int) -> None:
    server = smpp34.Server("127.0.0.1", port, system_id="smpp34")
    await server.start()
    print(port, flush=True)
    guests, numbers, telling = {}, itertools.count(1), set()
    while True:
        event = await server.next()
        if isinstance(event, smpp34.Esme):
            guests[event.session_id] = event
        elif isinstance(event, smpp34.SubmitSmEvent):
            guest, text = guests[event.session_id], bytes(event.short_message)
            if text in REFUSED:
                event.reject(REFUSED[text])
            elif text == b"goodbye":
                telling.add(asyncio.ensure_future(guest.unbind()))
            elif text != b"silence":
                id_ = f"{next(numbers):08x}"
                event.accept(id_)
                telling.add(asyncio.create_task(report(guest, event, id_)))


async def report(guest: smpp34.Esme, event: smpp34.SubmitSmEvent, id_: str) -> None:
    tlvs = [
        smpp34.Tlv(smpp34.TLV_RECEIPTED_MESSAGE_ID, id_.encode() + b"\0"),
        smpp34.Tlv(smpp34.TLV_MESSAGE_STATE, b"\2"),
    ]
    await guest.deliver_sm(
        event.source_addr,
        RECEIPT.format(id_).encode(),
        source_addr=event.destination_addr,
        source_addr_ton=1,
        dest_addr_ton=5,
        esm_class=4,
        tlvs=tlvs,
    )


asyncio.run(main(int(sys.argv[1])))
