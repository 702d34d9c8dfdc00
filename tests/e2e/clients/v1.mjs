// The official TypeScript SDK, first generation: everything it can do with a server of 2025-11-25.
// v1.mjs stdio COMMAND CONFIG | http URL    prints what it saw as JSON.  SPDX-License-Identifier: Apache-2.0
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, LoggingMessageNotificationSchema,
         PromptListChangedNotificationSchema, ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

const [kind, ...rest] = process.argv.slice(2);
const client = new Client({ name: "ts", version: "1" }, { capabilities: { elicitation: {}, sampling: {}, roots: {} } });
client.setRequestHandler(ElicitRequestSchema, async () => ({ action: "accept", content: { username: "ana", email: "a@example.com" } }));
client.setRequestHandler(CreateMessageRequestSchema, async () => ({ role: "assistant", content: { type: "text", text: "Paris" }, model: "m" }));
client.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [{ uri: "file:///work" }] }));
const heard = [];
client.setNotificationHandler(ResourceUpdatedNotificationSchema, (n) => { heard.push(n.params.uri); });
client.setNotificationHandler(PromptListChangedNotificationSchema, () => { heard.push("prompts"); });
let logged = 0;
client.setNotificationHandler(LoggingMessageNotificationSchema, () => { logged++; });
await client.connect(kind === "stdio" ? new StdioClientTransport({ command: rest[0], args: ["--config", rest[1]] })
                                      : new StreamableHTTPClientTransport(new URL(rest[0])));
const text = async (name, args, options) => (await client.callTool({ name, arguments: args ?? {} }, undefined, options)).content[0].text;
const out = { tools: (await client.listTools()).tools.length, prompts: (await client.listPrompts()).prompts.length,
              resources: (await client.listResources()).resources.length, ping: await client.ping() };
out.call = await text("test_simple_text");
out.elicit = await text("test_elicitation", { message: "Who?" });
out.sample = await text("test_sampling", { prompt: "Where?" });
out.roots = await text("test_input_required_result_list_roots");
const progress = [];
await text("test_tool_with_progress", {}, { onprogress: (p) => progress.push(p.progress) });
out.progress = progress;
await client.setLoggingLevel("debug");
await text("test_tool_with_logging");
await client.subscribeResource({ uri: "test://watched-resource" });
const until = async (done) => { for (let i = 0; i < 200 && !done(); i++) await new Promise((r) => setTimeout(r, 50)); };
for (let i = 0; i < 100 && !heard.length; i++) { // the stream it listens on may still be on its way
  await text("test_touch_watched");
  await new Promise((r) => setTimeout(r, 50));
}
await text("test_trigger_prompt_change");
await until(() => heard.includes("prompts"));
await until(() => logged >= 3);
out.heard = [...new Set(heard)].sort();
out.logged = logged;
const abort = new AbortController();
const slow = text("slow_compute", { seconds: 300 }, { signal: abort.signal }).then(() => "answered", () => "cancelled");
setTimeout(() => abort.abort(), 200);
out.cancel = await slow;
out.after = await text("test_simple_text");
await client.close();
console.log(JSON.stringify(out));
process.exit(0);
