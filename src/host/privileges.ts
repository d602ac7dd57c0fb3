// What the process may still do once it runs. Deno lets a right be given up, or be kept whole: not one file or one
// program of it. The right to the network is needed for every datagram and request, so it is always kept.

/** Rights that can be given up, in Deno's words. */
export const PRIVILEGES = ["run", "read", "write", "env", "ffi", "sys", "import"] as const;
/** One of them. */
export type Privilege = typeof PRIVILEGES[number];

/** Giving up rights. */
export interface Privileges {
  /** Gives up all others, for good: nothing in this process can get them back. */
  keepOnly(kept: readonly Privilege[]): void;
}

/** Those of this process. */
export const processPrivileges: Privileges = {
  keepOnly(kept) {
    for (const name of PRIVILEGES) if (!kept.includes(name)) Deno.permissions.revokeSync({ name });
  },
};

/** What a running process does that needs a right; each list says for what, in words for the log. */
export interface Uses {
  /** Programs that are started. */
  readonly programs: readonly string[];
  /** Files that are read again. */
  readonly files: readonly string[];
  /** Files that are written or removed. */
  readonly written: readonly string[];
  /** Sockets in the file system that datagrams are sent to, which Deno counts as writing. */
  readonly sockets: readonly string[];
  /** What the system is asked about this machine. */
  readonly system: readonly string[];
}

/** Each right that must be kept, with the reasons. */
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

/** The line for the log. */
export function privilegesText(kept: ReadonlyMap<Privilege, readonly string[]>): string {
  const reasons = [...kept].map(([name, why]) => `, ${name} (${[...new Set(why)].join(", ")})`);
  const given = PRIVILEGES.filter((name) => !kept.has(name));
  return `kept net (heartbeats, cloud)${reasons.join("")}; given up ${given.join(", ")}`;
}
