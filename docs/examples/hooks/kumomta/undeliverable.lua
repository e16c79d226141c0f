-- undeliverable for KumoMTA: act on what a refusal means for the message, record every outcome, refuse suppressed recipients.
--
--   local undeliverable = require 'undeliverable'
--   undeliverable:setup { url = 'http://127.0.0.1:8080', token_file = '/opt/kumomta/etc/undeliverable.token', ... }
--
-- While the service cannot be asked nothing changes: KumoMTA goes by the reply's own code, and mail is accepted as if
-- nobody were suppressed. Log records wait in a queue of their own until the service takes them.

local kumo = require 'kumo'
local log_hooks = require 'policy-extras.log_hooks'

local mod = {}
local config = {
  url = 'http://127.0.0.1:8080',
  token_file = '/opt/kumomta/etc/undeliverable.token',
  secret_file = '/opt/kumomta/etc/undeliverable.secret',
  timeout = '3 seconds',
  text = 'Recipient is suppressed by this sending system',
  -- domains whose mail you receive, such as that of bounces: nobody there is refused
  own_domains = {},
  -- the campaign of messages that another source address should try, or nil: see get_queue_config in your policy
  elsewhere = nil,
}

-- Files are read once a minute, so that a key can be replaced without a restart.
local read_secret = kumo.memoize(function(path)
  local file = assert(io.open(path, 'r'))
  local text = file:read '*a'
  file:close()
  return (text:gsub('%s+$', ''))
end, { name = 'undeliverable_secret', ttl = '1 minute', capacity = 4 })

local function post(path, body)
  local client = kumo.http.build_client { timeout = config.timeout }
  local response = client
    :post(config.url .. path)
    :bearer_auth(read_secret(config.token_file))
    :header('Content-Type', 'application/json')
    :body(kumo.json_encode(body))
    :send()
  if not response:status_is_success() then
    error(string.format('%s: %d', path, response:status_code()))
  end
  return kumo.json_parse(response:text())
end

-- The same reply of the same domain is asked about once a minute.
local classify = kumo.memoize(function(reply, domain, tenant)
  local verdict = post('/v1/classify', { reply = reply, recipient = 'x@' .. domain, tenant = tenant })
  return { advice = verdict.message_advice, reason = verdict.reason }
end, { name = 'undeliverable_classify', ttl = '1 minute', capacity = 10000 })

local function verdict_of(response, domain, tenant)
  -- KumoMTA writes the lines of a reply into one, with the four characters \r\n between them.
  local ok, found = pcall(classify, (response:gsub('\\r\\n', '\n')), domain, tenant)
  if ok then
    return found
  end
  kumo.log_warn('undeliverable: not classified: ' .. tostring(found))
  return nil
end

-- The code to go by instead of the reply's own, or nil.
local function rewritten(response, domain, tenant)
  local class = response:sub(1, 1)
  local verdict = verdict_of(response, domain, tenant)
  if verdict == nil then
    return nil
  end
  if class == '5' and (verdict.advice == 'retry' or verdict.advice == 'retry_elsewhere') then
    return 450
  end
  if class == '4' and verdict.advice == 'give_up' then
    return 550
  end
  return nil
end

local function elsewhere(message, response)
  local verdict = verdict_of(response, message:recipient().domain, message:get_meta 'tenant')
  if verdict and verdict.advice == 'retry_elsewhere' and message:get_meta 'campaign' ~= config.elsewhere then
    message:set_meta('campaign', config.elsewhere)
  end
end

local function is_suppressed(recipient)
  local ok, found = pcall(post, '/v1/suppressions/check', { addresses = recipient })
  if not ok then
    kumo.log_warn('undeliverable: not checked: ' .. tostring(found))
    return false
  end
  return found.results[1].suppressed == true
end

local function reject_suppressed(recipient)
  if not config.own_domains[recipient.domain] and is_suppressed(recipient.email) then
    kumo.reject(550, '5.7.1 ' .. config.text)
  end
end

local function post_record(client, message)
  return client
    :post(config.url .. '/webhooks/kumomta')
    :header('Content-Type', 'application/json')
    :header('X-Webhook-Secret', read_secret(config.secret_file))
    :body(message:get_data())
    :send()
end

-- Each log record is a message in a queue of its own; only a 2xx, which means "on the disk", takes it out.
local function connection()
  local self = {}
  local client = kumo.http.build_client { timeout = '30 seconds' }
  function self:send(message)
    local response = post_record(client, message)
    local said = string.format('%d %s', response:status_code(), response:text())
    if response:status_is_success() then
      return said
    end
    kumo.reject(450, said) -- also where the service says 4xx: a wrong secret is mended while the records wait
  end
  function self:close()
    client:close()
  end
  return self
end

-- Call this once, outside of all event handlers.
function mod:setup(options)
  for key, value in pairs(options or {}) do
    config[key] = value
  end

  log_hooks:new {
    name = 'undeliverable',
    log_parameters = {
      per_record = {
        Reception = { enable = false },
        Delayed = { enable = false },
      },
    },
    queue_config = { retry_interval = '1m', max_retry_interval = '20m', max_age = '7 days' },
    constructor = connection,
  }

  kumo.on('smtp_client_rewrite_delivery_status', function(response, domain, tenant)
    return rewritten(response, domain, tenant)
  end)

  if config.elsewhere then
    kumo.on('requeue_message', function(message, response)
      elsewhere(message, response)
    end)
  end

  kumo.on('smtp_server_rcpt_to', function(recipient)
    reject_suppressed(recipient)
  end)
end

-- For http_message_generated, which your policy has a handler of its own for: DKIM comes last there.
function mod:check(message)
  reject_suppressed(message:recipient())
end

return mod
