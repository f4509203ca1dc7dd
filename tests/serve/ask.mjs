// Asks a server through the official client for JavaScript, and prints what came back as one JSON object.
import OpenAI from "openai";

const [baseURL, apiKey, model, content] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content }];
const name = (error) => ({ kind: error.constructor.name, status: error.status, param: error.param ?? null });

const models = (await client.models.list()).data.map((one) => one.id);
const chat = await client.chat.completions.create({ model, messages, logprobs: true, top_logprobs: 2 });
let streamed = "";
let last = null;
const stream = await client.chat.completions.create({
  model, messages, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  streamed += chunk.choices[0]?.delta.content ?? "";
  last = chunk;
}
const helped = await client.chat.completions.stream({ model, messages }).finalContent();
const plain = await client.completions.create({ model, prompt: content });
const wrong = await client.chat.completions.create({ model, messages, top_k: 5 }).catch(name);
const missing = await client.models.retrieve("gpt-4").catch(name);
const stranger = await new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 }).models.list().catch(name);
console.log(JSON.stringify({ models, chat, streamed, last, helped, plain, wrong, missing, stranger }));
