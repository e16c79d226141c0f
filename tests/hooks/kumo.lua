-- A stand-in for KumoMTA's Lua interface, as far as the hook of the documentation uses it: it runs the handlers with
-- answers of the service that the test gives, and prints what they did, a line each.

local answers = { verdict = nil, suppressed = {}, status = 200 }
local handlers, warnings, hook = {}, {}, nil

local kumo = {}
package.preload['kumo'] = function() return kumo end
package.preload['policy-extras.log_hooks'] = function()
  return { new = function(_, options) hook = options end }
end

function kumo.on(name, handler) handlers[name] = handler end
function kumo.memoize(call) return call end
function kumo.log_warn(text) table.insert(warnings, text) end
function kumo.reject(code, text) error({ code = code, text = text }) end
function kumo.json_encode(value) return value end
function kumo.json_parse(value) return value end

kumo.http = {}
function kumo.http.build_client()
  local client = {}
  function client:close() end
  function client:post(url)
    local request = { url = url }
    function request:bearer_auth() return self end
    function request:header() return self end
    function request:body(body) self.question = body return self end
    function request:send()
      local response = {}
      function response:status_code() return answers.status end
      function response:status_is_success() return answers.status < 300 end
      function response:text()
        if url:find('classify') then
          return { message_advice = answers.verdict, reason = 'x' }
        elseif url:find('check') then
          return { results = { { suppressed = answers.suppressed[request.question.addresses] == true } } }
        end
        return 'said'
      end
      return response
    end
    return request
  end
  return client
end

io.open = function() return { read = function() return 'secret\n' end, close = function() end } end

local undeliverable = dofile(arg[1])
undeliverable:setup { own_domains = { ['ours.example'] = true }, elsewhere = 'other' }

local function try(label, call, ...)
  local ok, found = pcall(call, ...)
  if ok then
    print(label, tostring(found))
  else
    print(label, type(found) == 'table' and found.code .. ' ' .. found.text or 'error ' .. tostring(found))
  end
end

local rewrite = handlers.smtp_client_rewrite_delivery_status
for _, case in ipairs { { '550 5.7.1 greylisted', 'retry' }, { '451 4.2.1 never', 'give_up' }, { '550 5.1.1 no', 'give_up' }, { '451 4.7.1 later', 'retry' } } do
  answers.verdict = case[2]
  try('rewrite ' .. case[1]:sub(1, 3) .. ' ' .. case[2], rewrite, case[1] .. '\\r\\nand more', 'remote.example', 'acme')
end
answers.status = 503
try('rewrite down', rewrite, '550 5.7.1 greylisted', 'remote.example', nil)

local function address(email) return { email = email, domain = email:match '@(.*)' } end
answers.suppressed = { ['kim@remote.example'] = true, ['kim@ours.example'] = true }
try('rcpt down', handlers.smtp_server_rcpt_to, address 'kim@remote.example')
answers.status = 200
try('rcpt suppressed', handlers.smtp_server_rcpt_to, address 'kim@remote.example')
try('rcpt other', handlers.smtp_server_rcpt_to, address 'lee@remote.example')
try('rcpt ours', handlers.smtp_server_rcpt_to, address 'kim@ours.example')

local function message(meta)
  local self = { meta = meta }
  function self:recipient() return address 'kim@remote.example' end
  function self:get_meta(name) return self.meta[name] end
  function self:set_meta(name, value) self.meta[name] = value end
  function self:get_data() return '{}' end
  return self
end
try('generated suppressed', undeliverable.check, undeliverable, message {})
answers.verdict = 'retry_elsewhere'
local moved = message {}
handlers.requeue_message(moved, '451 4.3.0 not from here')
print('requeue', tostring(moved.meta.campaign))

local connection = hook.constructor()
try('record taken', connection.send, connection, message {})
answers.status = 401
try('record refused', connection.send, connection, message {})
connection:close()
print('warnings', #warnings)
