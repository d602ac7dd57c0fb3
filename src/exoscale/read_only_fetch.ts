// The way to the cloud of a shadow: a request that could change anything does not leave.
import { CloudError } from "./cloud_error.ts";
import type { Fetch } from "./http.ts";

/** CloudStack sends changes as GET, so there the command decides. */
const READING = /^(list|query)[A-Z]/;

/** The same way, which rejects every request that does not only read. */
export function readOnlyFetch(fetch: Fetch): Fetch {
  const guarded: Fetch = (input, init) => {
    const command = input.searchParams.get("command");
    const reads = (init.method ?? "GET") === "GET" && (command === null || READING.test(command));
    if (reads) return fetch(input, init);
    const what = command ?? `${init.method} ${input.pathname}`;
    return Promise.reject(new CloudError("aborted", `a shadow changes nothing: ${what} not sent`));
  };
  const { routeTo, asksToLeave } = fetch;
  return Object.assign(guarded, {
    ...(routeTo && { routeTo: (url: URL) => routeTo(url) }),
    ...(asksToLeave !== undefined && { asksToLeave }),
  });
}
