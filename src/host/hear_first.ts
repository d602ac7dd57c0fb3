// Imported before everything else: signals that come while the rest of the program is still being put together are
// heard. Does nothing where main.ts is only a part of another program.
import { processSignals } from "./signals.ts";

if (Deno.mainModule === import.meta.resolve("../../main.ts")) processSignals.hear();
