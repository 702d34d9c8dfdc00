// The official TypeScript SDK, second generation: the same, in the era that MODE says ("auto" finds 2026-07-28, "legacy"
// opens with initialize).  v2.mjs MODE stdio COMMAND CONFIG | MODE http URL    SPDX-License-Identifier: Apache-2.0
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [mode, kind, ...rest] = process.argv.slice(2);
const client = new Client({ name: "ts", version: "2" },
  { capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} }, versionNegotiation: { mode } });
client.setRequestHandler("elicitation/create", async () => ({ action: "accept", content: { username: "ana", email: "a@example.com" } }));
client.setRequestHandler("sampling/createMessage", async () => ({ role: "assistant", content: { type: "text", text: "Paris" }, model: "m" }));
client.setRequestHandler("roots/list", async () => ({ roots: [{ uri: "file:///work" }] }));
const heard = [];
client.setNotificationHandler("notifications/resources/updated", (n) => { heard.push(n.params.uri); });
client.setNotificationHandler("notifications/prompts/list_changed", () => { heard.push("prompts"); });
await client.connect(kind === "stdio" ? new StdioClientTransport({ command: rest[0], args: ["--config", rest[1]] })
                                      : new StreamableHTTPClientTransport(new URL(rest[0])));
const text = async (name, args, options) => (await client.callTool({ name, arguments: args ?? {} }, options)).content[0].text;
const out = { version: client.getNegotiatedProtocolVersion(), tools: (await client.listTools()).tools.length,
              prompts: (await client.listPrompts()).prompts.length, resources: (await client.listResources()).resources.length };
out.call = await text("test_simple_text");
out.elicit = await text("test_elicitation", { message: "Who?" });
out.sample = await text("test_sampling", { prompt: "Where?" });
out.roots = await text("test_input_required_result_list_roots");
out.read = (await client.readResource({ uri: "test://template/7/data" })).contents[0].text;
const progress = [];
await text("test_tool_with_progress", {}, { onprogress: (p) => progress.push(p.progress) });
out.progress = progress;
let subscription;
if (mode === "legacy") await client.subscribeResource({ uri: "test://watched-resource" });
else subscription = await client.listen({ resourceSubscriptions: ["test://watched-resource"], promptsListChanged: true });
out.honored = subscription?.honoredFilter;
const until = async (done) => { for (let i = 0; i < 200 && !done(); i++) await new Promise((r) => setTimeout(r, 50)); };
for (let i = 0; i < 100 && !heard.length; i++) {
  await text("test_touch_watched");
  await new Promise((r) => setTimeout(r, 50));
}
await text("test_trigger_prompt_change");
await until(() => heard.includes("prompts"));
out.heard = [...new Set(heard)].sort();
const abort = new AbortController();
const slow = text("slow_compute", { seconds: 300 }, { signal: abort.signal }).then(() => "answered", () => "cancelled");
setTimeout(() => abort.abort(), 200);
out.cancel = await slow;
out.after = await text("test_simple_text");
await subscription?.close();
await client.close();
console.log(JSON.stringify(out));
process.exit(0);
