'use strict';

// What the hooks of Haraka and ZoneMTA share: a client of `undeliverable serve --http`.
//
// Two paths that fail apart. Questions (what does this reply mean, who is suppressed) are asked while mail waits, with a
// short time limit; whoever asks goes on without an answer. Outcomes are written to a folder first and posted from there,
// until the service has them on disk: nothing is lost while it is down, and nothing waits for it.

const fs = require('node:fs/promises');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');

const BATCH = 500; // events of one file
const EVERY = 5000; // ms between two looks into the folder
const OLD = 300000; // ms after which a file is anybody's
const REACHABLE = new Set(['postmaster', 'abuse']); // RFC 2142: somebody has to be

class Client {
    // `settings` is a function that returns { url, token, secret, timeout (ms), spool, place }, so that they may change;
    // `log` is called with a level (warn or crit) and a text.
    constructor(settings, log) {
        this.settings = settings;
        this.log = log;
        this.agents = { 'http:': new http.Agent({ keepAlive: true, maxSockets: 20 }), 'https:': new https.Agent({ keepAlive: true, maxSockets: 20 }) };
        this.outbox = new Outbox(this);
    }

    start() {
        this.outbox.start();
    }

    stop() {
        this.outbox.stop();
    }

    // Return the set of those addresses that must not receive mail; throw where the service does not say.
    async suppressed(addresses) {
        const asked = addresses.filter((address) => !REACHABLE.has(address.split('@')[0].toLowerCase()));
        if (!asked.length) return new Set();
        const { results } = await this.ask('/v1/suppressions/check', { addresses: asked });
        return new Set(asked.filter((_, place) => results[place]?.suppressed));
    }

    // Return the verdicts on replies, in order; throw where the service does not say.
    classify(questions) {
        return this.ask('/v1/classify', questions);
    }

    // Return when the events are on disk, or in memory where the disk does not take them.
    record(events) {
        return events.length ? this.outbox.add(events) : Promise.resolve();
    }

    async ask(place, question) {
        const { token, timeout } = this.settings();
        const answer = await this.post(place, JSON.stringify(question), { authorization: `Bearer ${token}` }, timeout);
        if (answer.status !== 200) throw new Error(`${place} answered ${answer.status}: ${answer.text.slice(0, 200)}`);
        return JSON.parse(answer.text);
    }

    post(place, text, headers, timeout) {
        const url = new URL(String(this.settings().url).replace(/\/+$/, '') + place);
        const body = Buffer.from(text);
        const options = {
            method: 'POST',
            agent: this.agents[url.protocol],
            headers: { 'content-type': 'application/json', 'content-length': body.length, ...headers },
        };
        return new Promise((done, fail) => {
            const request = (url.protocol === 'https:' ? https : http).request(url, options, (response) => {
                const blocks = [];
                response.on('data', (block) => blocks.push(block));
                response.on('error', fail);
                response.on('end', () => done({ status: response.statusCode, text: Buffer.concat(blocks).toString() }));
            });
            const timer = setTimeout(() => request.destroy(new Error(`no answer in ${timeout / 1000} s`)), timeout);
            request.on('error', fail);
            request.on('close', () => clearTimeout(timer));
            request.end(body);
        });
    }
}

// A folder of files with events, each complete and on disk before a hook goes on. A file goes when the service has it.
class Outbox {
    constructor(client) {
        this.client = client;
        this.waiting = []; // events, and whoever waits for them to be on disk
        this.memory = []; // events that could not be written: a full disk
        this.counter = 0;
        this.pause = 0;
        this.writer = this.sender = this.timer = null;
    }

    get spool() {
        return this.client.settings().spool;
    }

    start() {
        this.sweep().finally(() => this.send());
        this.timer = setInterval(() => this.send(), EVERY);
        this.timer.unref();
    }

    stop() {
        clearInterval(this.timer);
    }

    // Files that a process was writing when it died. No hook went on before that, so the attempt is made again.
    async sweep() {
        const names = await fs.readdir(this.spool).catch(() => []);
        const is_left = (name) => name.endsWith('.json.new') && !is_running(Number(name.split('-')[1]));
        await Promise.all(names.filter(is_left).map((name) => fs.rm(path.join(this.spool, name), { force: true })));
    }

    add(events) {
        return new Promise((done) => {
            this.waiting.push({ events, done });
            this.writer ??= this.write();
        });
    }

    // What arrives during one write shares the next one.
    async write() {
        while (this.waiting.length) {
            const batch = this.waiting.splice(0, BATCH);
            const events = batch.flatMap((one) => one.events);
            try {
                await this.save(events);
            } catch (error) {
                this.memory.push(...events);
                this.client.log('crit', `${this.spool}: ${reason_of(error)}: ${this.memory.length} events are in memory only`);
            }
            for (const { done } of batch) done();
        }
        this.writer = null; // here, where nothing can come between the look and the end
        this.send();
    }

    async save(events) {
        await fs.mkdir(this.spool, { recursive: true, mode: 0o700 });
        const name = path.join(this.spool, `${Date.now()}-${process.pid}-${this.counter++}.json`);
        const file = await fs.open(`${name}.new`, 'wx', 0o600);
        try {
            await file.writeFile(JSON.stringify({ events }));
            await file.sync();
        } finally {
            await file.close();
        }
        await fs.rename(`${name}.new`, name);
    }

    send() {
        if (Date.now() < this.pause) return;
        this.sender ??= this.send_all()
            .catch((error) => {
                this.pause = Date.now() + EVERY - 1000;
                this.client.log('warn', `outcomes wait in ${this.spool}: ${reason_of(error)}`);
            })
            .finally(() => (this.sender = null));
    }

    async send_all() {
        let name;
        while ((name = (await this.names())[0])) await this.send_file(path.join(this.spool, name));
        while (this.memory.length) {
            const events = this.memory.slice(0, BATCH);
            await this.post(JSON.stringify({ events }));
            this.memory.splice(0, events.length);
        }
    }

    // Files of our own, of processes that are no more, and all that are old: should two processes post one, it counts once.
    async names() {
        const names = await fs.readdir(this.spool).catch(() => []);
        const old = Date.now() - OLD;
        const is_ours = (time, pid) => pid === process.pid || time < old || !is_running(pid);
        return names.filter((name) => /^\d+-\d+-\d+\.json$/.test(name) && is_ours(...name.split('-').map(parseFloat))).sort();
    }

    async send_file(file) {
        let body;
        try {
            body = await fs.readFile(file, 'utf8');
        } catch (error) {
            if (error.code === 'ENOENT') return; // another process was faster
            throw error;
        }
        const is_taken = await this.post(body);
        await (is_taken ? fs.rm(file, { force: true }) : fs.rename(file, `${file}.refused`));
    }

    // Return true when the service has the events on disk, and false when it will never take them.
    async post(body) {
        const { place, secret } = this.client.settings();
        const { status, text } = await this.client.post(place, body, { 'x-webhook-secret': secret ?? '' }, 30000);
        if (status === 200) return true;
        const said = `${place} answered ${status}: ${text.slice(0, 200)}`;
        if (status !== 400 && status !== 413) throw new Error(said);
        this.client.log('crit', `outcomes refused, kept as .refused in ${this.spool}: ${said}`);
        return false;
    }
}

function is_running(pid) {
    try {
        process.kill(pid, 0);
    } catch (error) {
        return error.code === 'EPERM';
    }
    return true;
}

function reason_of(error) {
    return error.message || error.code || String(error); // where all addresses of a host refuse, the message is empty
}

module.exports = { Client, reason_of };
