// node-smpp's server (npm: smpp) as a message centre: prints its port, does what each text says.
const smpp = require('smpp');

const REFUSED = { throttle: smpp.ESME_RTHROTTLED, stranger: smpp.ESME_RINVDSTADR };
let number = 0;

const server = smpp.createServer((session) => {
  session.on('error', () => {});
  session.on('bind_transceiver', (pdu) => {
    const good = pdu.system_id === 'camp' && pdu.password === 's3cret';
    session.send(pdu.response({ command_status: good ? 0 : smpp.ESME_RINVPASWD, system_id: 'node-smpp', sc_interface_version: 0x50 }));
  });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('query_sm', (pdu) => session.send(pdu.response({ message_id: pdu.message_id, message_state: 2 })));
  session.on('submit_sm', (pdu) => {
    const text = (pdu.short_message.message || '').toString();
    if (text in REFUSED) return session.send(pdu.response({ command_status: REFUSED[text] }));
    if (text === 'cut') return session.socket.destroy();
    if (text === 'goodbye') return session.unbind();
    if (text === 'silence') return undefined;
    const id = String(++number);
    session.send(pdu.response({ message_id: id }));
    return session.deliver_sm({
      esm_class: 4, source_addr: pdu.destination_addr, destination_addr: pdu.source_addr,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2606011159 done date:2606011200 stat:DELIVRD err:000 text:`,
      receipted_message_id: id, message_state: 2, user_message_reference: pdu.user_message_reference,
    });
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log(process.argv[2]));
