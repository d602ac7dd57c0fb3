// How people know an instance of which only the id may be known.

/** `edge-2 (0a1b...)`, or `instance 0a1b...` without a name. */
export function instanceTitle(
  { instanceId, name }: { readonly instanceId: string; readonly name?: string | undefined },
): string {
  return name ? `${name} (${instanceId})` : `instance ${instanceId}`;
}
