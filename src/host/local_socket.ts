// Datagrams to a socket of this machine: one that a path names, or an abstract one, written `@name` as systemd does.

/** Where datagrams go. */
export interface LocalSocket {
  /** Sends one. Deno takes one at a time, so wait for each. */
  send(bytes: Uint8Array): Promise<void>;
}

/** From Linux's headers: the address family, the kind of socket, and a flag that keeps `sendto` from waiting. */
const AF_UNIX = 1, SOCK_DGRAM_CLOEXEC = 0x80002, MSG_DONTWAIT = 0x40;

/** Opens a nameless socket that sends to the one of that address. Throws when the system has none to give. */
export function openLocalSocket(address: string): LocalSocket {
  if (address.startsWith("@")) return openAbstract(address.slice(1));
  // An empty path binds an unnamed (abstract) socket: no file, nothing to clean up.
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: "" });
  return {
    async send(bytes) {
      await socket.send(bytes, { transport: "unixpacket", path: address });
    },
  };
}

/** Deno before 2.9 refuses the zero byte that begins an abstract name, so the C library is asked. */
function openAbstract(name: string): LocalSocket {
  const { symbols } = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  });
  const path = new TextEncoder().encode(`\0${name}`);
  const to = new Uint8Array([...new Uint8Array(Uint16Array.of(AF_UNIX).buffer), ...path]);
  const socket = symbols.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (socket < 0) throw new Error("the system has no socket to give");
  return {
    send(bytes) {
      const size = BigInt(bytes.length);
      const data = Uint8Array.from(bytes);
      const sent = symbols.sendto(socket, data, size, MSG_DONTWAIT, to, to.length);
      return sent === size ? Promise.resolve() : Promise.reject(new Error(`@${name} took nothing`));
    },
  };
}
