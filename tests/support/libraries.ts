// The C library is loaded once per process, at its first use, and stays loaded. A test file that uses it imports this
// module, which loads it before the first test. Otherwise the leak check would blame that test.
import { openLocalSocket } from "../../src/host/local_socket.ts";
import { openFile } from "../../src/host/open_file.ts";

if (Deno.build.os === "linux") {
  openLocalSocket("/nowhere");
  (await openFile("/dev/null")).close();
}
