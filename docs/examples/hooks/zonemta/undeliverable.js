'use strict';

// undeliverable for ZoneMTA: ask what each refusal means for the message, record every outcome, send nothing to suppressed
// recipients.
//
// Without an answer ZoneMTA does what it would do without the plugin; see undeliverable-client.js beside this file.

const { randomUUID } = require('node:crypto');
const fs = require('node:fs');

const { Client, reason_of } = require('./undeliverable-client.js');

const MINUTE = 60000;
// ZoneMTA's own waits, for messages that have none of their own
const WAITS = [5, 7, 8, 25, 75, 120, ...Array(11).fill(240)].map((minutes) => minutes * MINUTE);
const COMMANDS = { CONN: 'connect', EHLO: 'ehlo', HELO: 'ehlo', STARTTLS: 'starttls', 'MAIL FROM': 'mail', 'RCPT TO': 'rcpt' };

module.exports.title = 'undeliverable';

module.exports.init = function (app, done) {
    const config = { url: 'http://127.0.0.1:8080', timeout: 3, longest: 86400, spool: '/var/spool/zonemta-undeliverable', ...app.config };
    const text = config.text ?? 'Recipient is suppressed by this sending system';
    const settings = {
        url: config.url,
        token: read(config.token_file),
        secret: read(config.secret_file),
        timeout: config.timeout * 1000,
        spool: config.spool,
        place: '/webhooks/zonemta',
    };
    const client = new Client(
        () => settings,
        (level, said) => app.logger[level === 'crit' ? 'error' : level]('undeliverable', '%s', said),
    );
    client.start();

    // Return true or false, or null where the service does not say.
    async function is_suppressed(address) {
        try {
            return (await client.suppressed([address])).has(address);
        } catch (error) {
            app.logger.warn('undeliverable', '%s not checked: %s', address, reason_of(error));
            return null;
        }
    }

    app.addHook('smtp:rcpt_to', async (address, session, next) => {
        if (!(await is_suppressed(address.address))) return next();
        next(Object.assign(new Error(`5.7.1 ${text}`), { responseCode: 550 }));
    });

    // An address may have been suppressed while its mail was waiting.
    app.addHook('sender:fetch', async (delivery, next) => {
        if (!(await is_suppressed(delivery.recipient))) return next();
        await record(delivery, 'suppressed', { words: text });
        delivery.undeliverable = { is_stopped: true };
        next(Object.assign(new Error(text), { response: `550 5.7.1 ${text}`, responseCode: 550, action: 'reject' }));
    });

    app.addHook('sender:responseError', async (delivery, connection, error, next) => {
        try {
            await refused(delivery, connection, error);
        } catch (failure) {
            app.logger.error('undeliverable', '%s.%s left to ZoneMTA: %s', delivery.id, delivery.seq, reason_of(failure));
        }
        next();
    });

    app.addHook('sender:delivered', async (delivery, info, next) => {
        await record(delivery, 'delivered', { words: info.response });
        next();
    });

    async function refused(delivery, connection, error) {
        if (delivery.undeliverable?.is_stopped) return;
        const said = String(error.response || error.message || '');
        const is_reply = /^\d{3}\b/.test(said) && !['dns', 'network', 'policy'].includes(error.category);
        const host = connection?.options?.servername ?? null;
        const command = is_reply ? command_of(error) : null;
        const verdict = is_reply ? await classify(delivery, said, command, host) : null;
        const is_last = act(delivery, error, said, verdict);
        await record(delivery, is_last ?? (is_reply && said[0] === '5') ? 'bounce' : 'delay', {
            reply: is_reply ? said : null,
            words: is_reply ? null : said,
            command,
            host,
        });
    }

    async function classify(delivery, reply, command, host) {
        const waited = delivery._deferred ?? {};
        const question = {
            reply,
            recipient: delivery.recipient,
            attempts: (waited.count ?? 0) + 1,
            age: Math.max(0, Math.round((Date.now() - (delivery.created ?? Date.now())) / 1000)),
        };
        if (delivery.from) question.sender = delivery.from;
        if (command) question.command = command;
        if (host) question.mx = host;
        try {
            const [verdict] = await client.classify([question]);
            const { bounce_type: type, reason, advice, message_advice: message, retry_after: wait } = verdict;
            const known = Object.entries({ type, reason, advice, message, wait }).map(([name, value]) => `${name}=${value ?? '-'}`);
            app.logger.info('undeliverable', '%s.%s classified %s %s: %s', delivery.id, delivery.seq, delivery.recipient, known.join(' '), reply);
            return verdict;
        } catch (failure) {
            app.logger.warn('undeliverable', '%s.%s not classified: %s', delivery.id, delivery.seq, reason_of(failure));
            return null;
        }
    }

    // Tell ZoneMTA what to do. Return whether it gives up, or null where that is left to it.
    function act(delivery, error, said, verdict) {
        const advice = verdict?.message_advice;
        if (advice === 'give_up') {
            error.action = 'reject';
            return true;
        }
        if (advice !== 'retry' && advice !== 'retry_elsewhere') return null;
        const count = delivery._deferred?.count ?? 0;
        const waits = [...(delivery.deferTimes?.length ? delivery.deferTimes : WAITS)];
        if (count >= waits.length) return true; // it has waited long enough: ZoneMTA gives up
        waits[count] = Math.max(waits[count], Math.min(verdict.retry_after ?? 0, config.longest) * 1000);
        delivery.deferTimes = waits;
        error.action = 'defer';
        return false;
    }

    // What becomes of notifications (the null sender) says nothing about a recipient of ours.
    async function record(delivery, event, { reply = null, words = null, command = null, host = null }) {
        if (!delivery.from || (event === 'delivered' && config.delivered === false)) return;
        await client.record([
            {
                id: randomUUID(),
                event,
                recipient: delivery.recipient,
                reply,
                words,
                command,
                host,
                from: delivery.from,
                queue_id: `${delivery.id}.${delivery.seq}`,
                message_id: delivery.messageId ?? null,
                date: new Date().toISOString(),
            },
        ]);
    }

    done();
};

function command_of(error) {
    if (error.command === 'DATA') return error.code === 'EMESSAGE' ? 'end_of_data' : 'data';
    return COMMANDS[error.command] ?? null;
}

function read(file) {
    return file ? fs.readFileSync(file, 'utf8').trim() : null;
}
