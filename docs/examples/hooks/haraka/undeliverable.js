'use strict';

// undeliverable for Haraka: ask what each refusal means for the message, record every outcome, send nothing to suppressed
// recipients.
//
// Without an answer Haraka does what it would do without the plugin; see undeliverable-client.js beside this file.

const dns = require('node:dns/promises');
const path = require('node:path');
const { randomUUID } = require('node:crypto');

const { Client, reason_of } = require(path.join(__dirname, 'undeliverable-client.js'));

const COMMANDS = {
    EHLO: 'ehlo',
    HELO: 'ehlo',
    LHLO: 'ehlo',
    STARTTLS: 'starttls',
    AUTH: 'auth',
    MAIL: 'mail',
    RCPT: 'rcpt',
    DATA: 'data',
    '.': 'end_of_data',
};
const MAX_TIMEOUT = 20; // seconds; Haraka ends a hook after 30, and takes the end of a `deferred` hook for a delay of NaN
const FRESH = 5; // seconds for which a look at RCPT counts for the first attempt
const NO_PLACE = /^(?:Nowhere to deliver mail to for domain|No Such Domain)/;
const GIVEN_UP = /^Too many failures \(/; // Haraka's own words when its list of intervals ends

exports.register = function () {
    this.load();
    this.attempts = new WeakMap(); // what is known of the present attempt, by queue item
    this.client = new Client(
        () => this.service,
        (level, text) => this[`log${level}`](text),
    );
    this.client.start();
    if (this.cfg.check.rcpt) this.register_hook('rcpt', 'refuse_suppressed', -5);
    this.register_hook('send_email', 'begin_attempt');
    this.register_hook('get_mx', 'stop_suppressed', -100);
    this.register_hook('deferred', 'on_deferred');
    this.register_hook('bounce', 'on_bounce', -100);
    this.register_hook('delivered', 'on_delivered');
};

exports.shutdown = function () {
    this.client.stop();
};

exports.load = function () {
    const booleans = ['+check.rcpt', '+check.queue', '-check.defer_if_down', '+advice.act', '+record.delivered'];
    this.cfg = this.config.get('undeliverable.ini', { booleans }, () => this.load());
    const { main, advice, record, check } = this.cfg;
    this.service = {
        url: main.url ?? 'http://127.0.0.1:8080',
        token: this.config.get('undeliverable.token'),
        secret: this.config.get('undeliverable.secret'),
        timeout: Math.min(Number(main.timeout ?? 3), MAX_TIMEOUT) * 1000,
        spool: record.spool ?? '/var/spool/haraka-undeliverable',
        place: '/webhooks/haraka',
    };
    this.longest = Number(advice.longest ?? 86400);
    this.text = check.text ?? 'Recipient is suppressed by this sending system';
    this.elsewhere = String(this.cfg.elsewhere?.ip ?? '').split(/[\s,]+/).filter(Boolean);
    if (!this.service.token) this.logcrit('config/undeliverable.token is missing: nothing is asked');
    if (!this.service.secret) this.logcrit('config/undeliverable.secret is missing: outcomes stay in the spool');
};

// ---- before it is sent

exports.refuse_suppressed = async function (next, connection, params) {
    if (!connection.relaying) return next(); // somebody else's mail to us is not ours to refuse
    const address = text_of(params[0]);
    const { notes } = connection.transaction;
    let found;
    try {
        found = await this.client.suppressed([address]);
        notes.undeliverable_checked ??= true;
    } catch (error) {
        notes.undeliverable_checked = false;
        connection.logwarn(this, `${address} not checked: ${reason_of(error)}`);
        return this.cfg.check.defer_if_down ? next(DENYSOFT, 'try again later') : next();
    }
    if (!found.has(address)) return next();
    connection.lognotice(this, `${address} is suppressed, refused`);
    next(DENY, `5.7.1 ${this.text}`);
};

// An address may have been suppressed while its mail was waiting in the queue.
exports.begin_attempt = async function (next, hmail) {
    const attempt = this.new_attempt(hmail);
    for (const rcpt of hmail.todo.rcpt_to) forget(rcpt);
    if (!this.cfg.check.queue || !hmail.todo.mail_from.user || is_fresh(hmail)) return next();
    let found;
    try {
        found = await this.client.suppressed(hmail.todo.rcpt_to.map(text_of));
    } catch (error) {
        hmail.logwarn(this, `recipients not checked: ${reason_of(error)}`);
        return this.cfg.check.defer_if_down ? next(DELAY, 60) : next();
    }
    const stopped = hmail.todo.rcpt_to.filter((rcpt) => found.has(text_of(rcpt)));
    if (!stopped.length) return next();
    hmail.lognotice(this, `suppressed, not sent to: ${stopped.map(text_of).join(', ')}`);
    await this.record(hmail, stopped.map((rcpt) => this.event(hmail, rcpt, 'suppressed', { words: this.text })));
    attempt.stopped = stopped.length === hmail.todo.rcpt_to.length;
    if (attempt.stopped) return next(); // all of them: see stop_suppressed
    hmail.split_to_new_recipients(stopped, this.text, (other) => {
        this.new_attempt(other).stopped = true;
        other.bounce(this.text);
    });
    hmail.todo.rcpt_to = hmail.todo.rcpt_to.filter((rcpt) => !found.has(text_of(rcpt)));
    next();
};

// `send_email` cannot end a message, `get_mx` can; the words that Haraka adds to it are replaced in `on_bounce`.
exports.stop_suppressed = function (next, hmail) {
    if (this.attempts.get(hmail)?.stopped) return next(DENY, this.text);
    next();
};

// ---- what a refusal means

exports.on_deferred = async function (next, hmail, params) {
    try {
        await this.deferred(next, hmail, params);
    } catch (error) {
        hmail.logerror(this, `deferral left to Haraka: ${reason_of(error)}`);
        next();
    }
};

exports.deferred = async function (next, hmail, params) {
    const found = await this.judge(hmail, params.fail_recips);
    const advice = this.agreed(hmail, found);
    if (advice === 'give_up') {
        // Haraka drops a message whose deferral is answered with OK. The reference added here keeps it for its bounce.
        hmail.refcount++;
        next(OK);
        return hmail.convert_temp_failed_to_bounce(found[0].reply, params);
    }
    await this.record(hmail, found.map(({ rcpt, reply }) => this.event(hmail, rcpt, 'delay', { reply, words: params.err })));
    if (advice === 'retry_elsewhere') this.move_elsewhere(hmail);
    const asked = found.map(({ verdict }) => verdict?.retry_after ?? 0);
    const wait = this.cfg.advice.act ? Math.min(Math.max(params.delay, ...asked), Math.max(this.longest, params.delay)) : params.delay;
    if (wait <= params.delay) return next();
    next(DENYSOFT, wait);
};

exports.on_bounce = async function (next, hmail, error) {
    try {
        await this.bounced(next, hmail, error);
    } catch (failure) {
        hmail.logerror(this, `bounce left to Haraka: ${reason_of(failure)}`);
        next();
    }
};

exports.bounced = async function (next, hmail, error) {
    const attempt = this.attempts.get(hmail) ?? this.new_attempt(hmail);
    if (attempt.stopped) {
        error.message = this.text;
        for (const rcpt of hmail.todo.rcpt_to) {
            forget(rcpt);
            Object.assign(rcpt, { dsn_action: 'failed', dsn_status: '5.7.1', dsn_code: 550, dsn_msg: this.text });
        }
        return next();
    }
    const is_expired = GIVEN_UP.test(error.message);
    if (!is_expired && NO_PLACE.test(error.message) && !(await is_certain(hmail.todo.domain))) {
        for (const rcpt of hmail.todo.rcpt_to) rcpt.dsn_status = '4.4.3';
        return keep(next, hmail, `DNS lookup failure: ${hmail.todo.domain}`);
    }
    const found = await this.judge(hmail, error.bounced_rcpt ?? error.deferred_rcpt);
    const advice = this.agreed(hmail, found);
    if (!is_expired && (advice === 'retry' || advice === 'retry_elsewhere')) {
        return keep(next, hmail, found[0].reply, { mx: error.mx, fail_recips: error.bounced_rcpt });
    }
    const event = is_expired ? 'expired' : 'bounce';
    await this.record(hmail, found.map(({ rcpt, reply }) => this.event(hmail, rcpt, event, { reply, words: error.message })));
    next();
};

exports.on_delivered = async function (next, hmail, params) {
    const [host, , response, , , , recipients] = params;
    if (this.cfg.record.delivered) {
        await this.record(hmail, recipients.map((rcpt) => this.event(hmail, rcpt, 'delivered', { words: response, host })));
    }
    next();
};

// One entry for each recipient: its reply in this attempt, or null where Haraka failed by itself, and the verdict, or null.
exports.judge = async function (hmail, refused) {
    const attempt = this.attempts.get(hmail) ?? this.new_attempt(hmail);
    if (attempt.found) return attempt.found;
    const found = hmail.todo.rcpt_to.map((rcpt) => ({ rcpt, reply: reply_of(rcpt), verdict: null }));
    // Haraka names the recipients where they were refused one by one: at RCPT, or after the data in LMTP.
    attempt.command = refused ? 'rcpt' : attempt.last_command;
    const asked = found.filter(({ reply }) => reply);
    attempt.found = found;
    if (!asked.length) return found;
    try {
        const verdicts = await this.client.classify(asked.map((one) => this.question(hmail, attempt, one)));
        asked.forEach((one, place) => (one.verdict = verdicts[place]));
    } catch (error) {
        hmail.logwarn(this, `not classified: ${reason_of(error)}`);
    }
    for (const one of asked) this.log_verdict(hmail, one);
    return found;
};

exports.question = function (hmail, attempt, { rcpt, reply }) {
    const question = { reply, recipient: text_of(rcpt), attempts: hmail.num_failures + 1, age: age_of(hmail) };
    const sender = text_of(hmail.todo.mail_from);
    if (sender) question.sender = sender;
    if (rcpt.dsn_remote_mta) question.mx = rcpt.dsn_remote_mta;
    if (attempt.command) question.command = attempt.command;
    const tenant = hmail.todo.notes.undeliverable_tenant; // set by a plugin of yours, in transaction.notes
    if (tenant) question.tenant = tenant;
    return question;
};

exports.log_verdict = function (hmail, { rcpt, reply, verdict }) {
    if (!verdict) return;
    const { bounce_type: type, reason, advice, message_advice: message, retry_after: wait } = verdict;
    const known = Object.entries({ type, reason, advice, message, wait }).map(([name, value]) => `${name}=${value ?? '-'}`);
    hmail.lognotice(this, `classified ${text_of(rcpt)} ${known.join(' ')}: ${reply}`);
};

// The advice that all recipients of a queue item share. With `always_split` (config/outbound.ini) there is one of them.
exports.agreed = function (hmail, found) {
    if (!this.cfg.advice.act) return null;
    const advices = new Set(found.map(({ verdict }) => verdict?.message_advice ?? null));
    return advices.size === 1 ? [...advices][0] : null;
};

exports.move_elsewhere = function (hmail) {
    if (!this.elsewhere.length) return;
    const ip = this.elsewhere[hmail.num_failures % this.elsewhere.length];
    hmail.todo.notes.outbound_ip = ip;
    hmail.lognotice(this, `next attempt from ${ip}`);
};

// Haraka's hooks do not say which command was refused, and a 550 5.1.1 means an address only where it answers RCPT.
// Its protocol log does: so each line passes through here on its way there.
exports.new_attempt = function (hmail) {
    const attempt = { last_command: 'connect' };
    const log = Object.getPrototypeOf(hmail).logprotocol;
    hmail.logprotocol = function (line, ...more) {
        const verb = /^C: (\S+)/.exec(line)?.[1].toUpperCase();
        if (Object.hasOwn(COMMANDS, verb ?? '')) attempt.last_command = COMMANDS[verb];
        return log?.call(hmail, line, ...more);
    };
    this.attempts.set(hmail, attempt);
    return attempt;
};

// ---- what is recorded

// What becomes of notifications (the null sender) says nothing about a recipient of ours.
exports.record = function (hmail, events) {
    return hmail.todo.mail_from.user ? this.client.record(events) : null;
};

exports.event = function (hmail, rcpt, event, { reply = null, words = null, host = null }) {
    const attempt = this.attempts.get(hmail);
    return {
        id: randomUUID(),
        event,
        recipient: text_of(rcpt),
        reply,
        words: reply ? null : String(words ?? ''),
        status: reply ? null : (rcpt.dsn_status ?? null),
        command: reply ? (attempt?.command ?? null) : null,
        host: host ?? rcpt.dsn_remote_mta ?? null,
        from: text_of(hmail.todo.mail_from),
        queue_id: hmail.todo.uuid ?? null,
        attempt: hmail.num_failures,
        tenant: hmail.todo.notes.undeliverable_tenant ?? null,
        date: new Date().toISOString(),
    };
};

// ---- small things

// Haraka before 3.1 has methods where later versions have properties.
function text_of(address) {
    const text = typeof address.address === 'function' ? address.address() : address.address;
    return text ?? '';
}

function reply_of(rcpt) {
    if (!rcpt.dsn_smtp_code) return null;
    return [rcpt.dsn_smtp_code, rcpt.dsn_smtp_extc, rcpt.dsn_smtp_response].filter(Boolean).join(' ');
}

// What the last attempt left on a recipient, which Haraka keeps.
function forget(rcpt) {
    for (const key of Object.keys(rcpt)) if (key.startsWith('dsn_') || key === 'reason') delete rcpt[key];
}

// Instead of its bounce: OK drops the message, and the reference added here keeps it. The hook `deferred` follows.
function keep(next, hmail, why, more) {
    hmail.refcount++;
    next(OK);
    hmail.temp_fail(why, more);
}

// Haraka takes a look-up of addresses that failed for the moment for one that found none, and gives the message up.
// Nobody is to be suppressed for a name server that was ill, so only the answer that there is nothing counts.
async function is_certain(domain) {
    const resolver = new dns.Resolver({ timeout: 3000, tries: 2 });
    resolver.setServers(dns.getServers());
    const asked = await Promise.allSettled([resolver.resolveMx(domain), resolver.resolve4(domain), resolver.resolve6(domain)]);
    return asked.every(({ reason }) => reason?.code === 'ENODATA' || reason?.code === 'ENOTFOUND');
}

// Checked at RCPT a moment ago.
function is_fresh(hmail) {
    return hmail.todo.notes.undeliverable_checked === true && hmail.num_failures === 0 && age_of(hmail) < FRESH;
}

function age_of(hmail) {
    return Math.max(0, Math.round((Date.now() - (hmail.todo.queue_time ?? Date.now())) / 1000));
}
