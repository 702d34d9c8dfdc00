// An MCP server on the official TypeScript SDK that does the same reads as kmcp, the usual way: fetch(), JSON as text.
//     node server.mjs v1|v2 BASE_URL          on standard input and output
//     node server.mjs v1|v2 BASE_URL http     prints its port; stateless, a server object for each request as the SDK asks for
// The token is in KANDJI_API_TOKEN. Needs the packages that tests/bench/peer.py installs.
// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import { z } from "zod";

const [generation, base, transport] = process.argv.slice(2);
const v1 = generation === "v1";
const { McpServer } = await import(v1 ? "@modelcontextprotocol/sdk/server/mcp.js" : "@modelcontextprotocol/server");
const text = (value) => ({ content: [{ type: "text", text: value }] });

async function api(path) {
  const r = await fetch(base + path, { headers: { authorization: `Bearer ${process.env.KANDJI_API_TOKEN}` } });
  if (!r.ok) throw new Error(`${r.status} for ${path}`);
  return text(JSON.stringify(await r.json()));
}

function build() {
  const server = new McpServer({ name: "peer", version: "1" });
  server.registerTool("get_device", { description: "One device's record.", inputSchema: z.object({ device_id: z.string() }) },
    ({ device_id }) => api(`/api/v1/devices/${encodeURIComponent(device_id)}`));
  server.registerTool("list_devices", { description: "One page of devices.", inputSchema: z.object({ offset: z.number().optional() }) },
    ({ offset }) => api(`/api/v1/devices?limit=300&offset=${offset ?? 0}`));
  server.registerTool("test_simple_text", { description: "A text, from nowhere.", inputSchema: z.object({}) },
    async () => text("This is a simple text response for testing."));
  return server;
}

async function stdio() {
  if (!v1) {
    const { serveStdio } = await import("@modelcontextprotocol/server/stdio");
    return serveStdio(build);
  }
  const { StdioServerTransport } = await import("@modelcontextprotocol/sdk/server/stdio.js");
  return build().connect(new StdioServerTransport());
}

async function handler() {
  if (!v1) {
    const { createMcpHandler } = await import("@modelcontextprotocol/server");
    const { toNodeHandler } = await import("@modelcontextprotocol/node");
    return toNodeHandler(createMcpHandler(build));
  }
  const { StreamableHTTPServerTransport } = await import("@modelcontextprotocol/sdk/server/streamableHttp.js");
  return async (req, res) => {
    const server = build();
    const once = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    res.on("close", () => server.close());
    await server.connect(once);
    await once.handleRequest(req, res);
  };
}

if (transport === "http") {
  const server = createServer(await handler());
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
} else {
  await stdio();
}
