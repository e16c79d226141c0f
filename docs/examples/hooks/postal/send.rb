# frozen_string_literal: true

# Send by Postal's HTTP API, and leave out the recipients whom the list of undeliverable suppresses.
#
#   Undeliverable.new("http://127.0.0.1:8080", ENV.fetch("UNDELIVERABLE_TOKEN")).suppressed(["kim@example.org"])

require "json"
require "net/http"
require "uri"

# A client of `undeliverable serve --http`.
class Undeliverable
  def initialize(url, token, timeout: 3)
    @url = url
    @token = token
    @timeout = timeout
  end

  # Returns those addresses that must not receive mail; raises where the service does not say.
  def suppressed(addresses)
    post("/v1/suppressions/check", { addresses: addresses })
      .fetch("results").select { |one| one["suppressed"] }.map { |one| one["address"] }
  end

  private

  def post(path, body)
    uri = URI.join(@url, path)
    request = Net::HTTP::Post.new(uri, "Content-Type" => "application/json", "Authorization" => "Bearer #{@token}")
    request.body = JSON.generate(body)
    options = { use_ssl: uri.scheme == "https", open_timeout: @timeout, read_timeout: @timeout }
    response = Net::HTTP.start(uri.host, uri.port, **options) { |http| http.request(request) }
    raise "#{path} answered #{response.code}" unless response.is_a?(Net::HTTPOK)

    JSON.parse(response.body)
  end
end

# Postal's API takes one message for several recipients.
class PostalSender
  def initialize(url, key, undeliverable)
    @uri = URI.join(url, "/api/v1/send/message")
    @key = key
    @undeliverable = undeliverable
  end

  # Returns the recipients that it was sent to.
  def deliver(message)
    to = message.fetch(:to) - suppressed(message.fetch(:to))
    return [] if to.empty?

    request = Net::HTTP::Post.new(@uri, "Content-Type" => "application/json", "X-Server-API-Key" => @key)
    request.body = JSON.generate(message.merge(to: to))
    response = Net::HTTP.start(@uri.host, @uri.port, use_ssl: @uri.scheme == "https") { |http| http.request(request) }
    raise "Postal answered #{response.code}" unless response.is_a?(Net::HTTPOK)

    to
  end

  private

  # Without an answer mail goes out as if nobody were suppressed. For marketing mail, let the error through instead.
  def suppressed(addresses)
    @undeliverable.suppressed(addresses)
  rescue StandardError => e
    warn "recipients not checked: #{e.message}"
    []
  end
end
