// The C library is loaded once in a process, when it is needed first, and stays. A test file that needs it imports this:
// then it is loaded before the first test, which would pass for the one that forgot to unload it.
import { openLocalSocket } from "../../src/host/local_socket.ts";
import { openFile } from "../../src/host/open_file.ts";

if (Deno.build.os === "linux") {
  openLocalSocket("/nowhere");
  (await openFile("/dev/null")).close();
}
