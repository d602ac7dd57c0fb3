// Asks the watchdog on this machine for its state and prints the answer: a program for `ip netns exec`.
const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
const to = { transport: "udp", hostname: "127.0.0.1", port: 12345 } as const;
await socket.send(new TextEncoder().encode("info\n"), to);
const timer = setTimeout(() => {
  console.error("no answer within 5 s");
  Deno.exit(1);
}, 5_000);
const [answer] = await socket.receive();
clearTimeout(timer);
socket.close();
console.log(new TextDecoder().decode(answer));
