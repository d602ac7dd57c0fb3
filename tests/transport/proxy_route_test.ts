// Which requests go through a proxy.
import { assertEquals, assertThrows } from "@std/assert";
import { proxyFor, ProxyProblem } from "../../src/transport/proxy_route.ts";

const API = new URL("https://api-ch-gva-2.exoscale.com/v2/zone");

/** Whether the URL goes through the proxy, with that NO_PROXY. */
function proxied(url: string, NO_PROXY: string): boolean {
  return proxyFor(new URL(url), { HTTPS_PROXY: "http://proxy.example:3128", NO_PROXY }) !== null;
}

Deno.test("proxyFor() reads what people write into HTTPS_PROXY", () => {
  const { title, hostname, port, authorization, plain } = proxyFor(API, {
    https_proxy: "http://user:p%40ss@proxy.example:3128/",
  })!;
  assertEquals([hostname, port, plain], ["proxy.example", 3128, true]);
  assertEquals(title, "the proxy proxy.example:3128 (https_proxy)");
  assertEquals(authorization, `Basic ${btoa("user:p@ss")}`);
  const of = (HTTPS_PROXY: string) => {
    const proxy = proxyFor(API, { HTTPS_PROXY });
    return proxy && [proxy.hostname, proxy.port, proxy.plain];
  };
  assertEquals(of("proxy.example:3128"), ["proxy.example", 3128, true]);
  assertEquals(of("http://proxy.example"), ["proxy.example", 80, true]);
  assertEquals(of("https://proxy.example"), ["proxy.example", 443, false]);
  assertEquals(of("socks5h://[2001:db8::1]"), ["2001:db8::1", 1080, false]);
  assertEquals(of(""), null);
  for (const bad of ["ftp://proxy.example", "http://", "http://:3128", "proxy.example:99999"]) {
    assertThrows(() => of(bad), ProxyProblem, "HTTPS_PROXY is not the address of a proxy");
  }
});

Deno.test("proxyFor() heeds NO_PROXY: names and their parts, addresses, networks, everything", () => {
  assertEquals(proxied("http://api.example/", ""), false);
  assertEquals(proxied("https://api.example/", ""), true);
  for (
    const list of ["*", "api.example", ".example", "EXAMPLE", "a.test, api.example", "*.example"]
  ) {
    assertEquals(proxied("https://api.example/", list), false, list);
  }
  for (const list of ["pi.example", "api.example.com", "example.", "10.0.0.0/8"]) {
    assertEquals(proxied("https://api.example/", list), true, list);
  }
  assertEquals(proxied("https://10.1.2.3/", "10.0.0.0/8"), false);
  assertEquals(proxied("https://11.1.2.3/", "10.0.0.0/8"), true);
  assertEquals(proxied("https://10.1.2.3/", "10.1.2.3"), false);
  assertEquals(proxied("https://[2001:db8::1]/", "2001:db8:0::1"), false);
  assertEquals(proxied("https://10.1.2.3/", "10.0.0.0/99"), true);
});
