// Asks the watchdog on this machine for its state and prints the answer: a program for `ip netns exec`.

/** How long to ask, again each second: a busy machine may let the watchdog stand still. */
const PATIENCE_MS = 60_000, AGAIN_MS = 1_000;

const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
const to = { transport: "udp", hostname: "127.0.0.1", port: 12345 } as const;
const ask = () => socket.send(new TextEncoder().encode("info\n"), to);
await ask();
const again = setInterval(ask, AGAIN_MS);
const timer = setTimeout(() => {
  console.error(`no answer within ${PATIENCE_MS / 1_000} s`);
  Deno.exit(1);
}, PATIENCE_MS);
const [answer] = await socket.receive();
clearInterval(again);
clearTimeout(timer);
socket.close();
console.log(new TextDecoder().decode(answer));
