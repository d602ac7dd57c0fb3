// fast-check with the same seed in each run, so that a test is red or green by what changed alone. Every night it draws
// another one: FAST_CHECK_SEED.
import fc from "fast-check";

fc.configureGlobal({ seed: Number(Deno.env.get("FAST_CHECK_SEED") ?? "1") });

export default fc;
