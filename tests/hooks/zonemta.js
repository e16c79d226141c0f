'use strict';

// A stand-in for ZoneMTA's plugin interface: it runs the hooks of the plugin of the documentation, and prints what they did.

const fs = require('node:fs');
const path = require('node:path');
const { format: formatted } = require('node:util');
const [, , folder, url, spool, patience] = process.argv; // patience: how often it is looked whether all has been sent
const { init } = require(path.join(folder, 'undeliverable.js'));

const hooks = {};
const logs = [];
const log = (level) => (name, format, ...values) => logs.push(`${level} ${formatted(format, ...values)}`);
const app = {
    config: { url, timeout: 60, spool, token_file: path.join(folder, 'token'), secret_file: path.join(folder, 'token') },
    logger: { info: log('info'), warn: log('warn'), error: log('error') },
    addHook: (name, handler) => (hooks[name] = handler),
};
const run = (name, ...values) => new Promise((done) => hooks[name](...values, (error) => done(error ?? null)));

function delivery(recipient, more) {
    return { id: '1', seq: '001', recipient, from: 'news@sender.example', messageId: '<1@sender.example>', created: Date.now() - 60000, ...more };
}

async function refusal(recipient, response, more = {}, known = {}) {
    const item = delivery(recipient, known);
    const error = Object.assign(new Error(response), { response, command: 'RCPT TO', ...more });
    await run('sender:responseError', item, { options: { servername: 'mx.remote.example' } }, error);
    return { action: error.action ?? null, waits: item.deferTimes?.slice(0, 3) ?? null, count: item.deferTimes?.length ?? null };
}

init(app, async () => {
    const found = {};
    const shown = (error) => error && { code: error.responseCode, text: error.message, action: error.action ?? null };
    found.rcpt = shown(await run('smtp:rcpt_to', { address: 'suppressed@remote.example' }, {}));
    found.rcpt_other = shown(await run('smtp:rcpt_to', { address: 'fine@remote.example' }, {}));
    found.fetch = shown(await run('sender:fetch', delivery('suppressed@remote.example')));
    found.fetch_other = shown(await run('sender:fetch', delivery('fine@remote.example')));
    found.dead = await refusal('dead@remote.example', '550 5.1.1 no such user here');
    found.grey = await refusal('grey@remote.example', '550 5.7.1 Greylisted, please try again in 900 seconds');
    found.last = await refusal('last@remote.example', '550 5.7.1 Greylisted', {}, { _deferred: { count: 17 } });
    found.network = await refusal('net@remote.example', '450 Cannot reach it', { category: 'network', command: undefined });
    found.delivered = await run('sender:delivered', delivery('fine@remote.example'), { response: '250 2.0.0 Ok' });
    const pause = () => new Promise((done) => setTimeout(done, 300));
    await pause();
    for (let left = Number(patience); left && fs.existsSync(spool) && fs.readdirSync(spool).length; left -= 1) await pause(); // a busy machine takes longer
    console.log(JSON.stringify({ found, logs }));
    process.exit(0);
});
