// Which rights the running process keeps. Deno can only give up a whole right, not limit it to one file or program.
// Every datagram and request needs the right to the network, so it is always kept.

/** Rights that can be given up, by Deno's names. */
export const PRIVILEGES = ["run", "read", "write", "env", "ffi", "sys", "import"] as const;
/** One of them. */
export type Privilege = typeof PRIVILEGES[number];

/** Gives up rights. */
export interface Privileges {
  /** Gives up all other rights for good: nothing in this process can get them back. */
  keepOnly(kept: readonly Privilege[]): void;
}

/** The rights of this process. */
export const processPrivileges: Privileges = {
  keepOnly(kept) {
    for (const name of PRIVILEGES) if (!kept.includes(name)) Deno.permissions.revokeSync({ name });
  },
};

/** What a running process does that needs a right; each list gives the purposes, in words for the log. */
export interface Uses {
  /** Programs that are started. */
  readonly programs: readonly string[];
  /** Files that are read again. */
  readonly files: readonly string[];
  /** Files that are written or removed. */
  readonly written: readonly string[];
  /** Unix sockets to which datagrams are sent, which Deno counts as writing. */
  readonly sockets: readonly string[];
  /** What we ask the system about this machine. */
  readonly system: readonly string[];
}

/** The rights to keep, with the reasons. */
export function keptPrivileges(uses: Uses): ReadonlyMap<Privilege, readonly string[]> {
  const reasons: Readonly<Record<Privilege, readonly string[]>> = {
    run: uses.programs,
    read: [...uses.files, ...uses.written],
    write: [...uses.written, ...uses.sockets],
    env: [],
    ffi: [],
    sys: uses.system,
    import: [],
  };
  return new Map(
    PRIVILEGES.map((name) => [name, reasons[name]] as const).filter(([, why]) => why.length > 0),
  );
}

/** The log line about them. */
export function privilegesText(kept: ReadonlyMap<Privilege, readonly string[]>): string {
  const reasons = [...kept].map(([name, why]) => `, ${name} (${[...new Set(why)].join(", ")})`);
  const given = PRIVILEGES.filter((name) => !kept.has(name));
  return `kept net (heartbeats, cloud)${reasons.join("")}; given up ${given.join(", ")}`;
}
