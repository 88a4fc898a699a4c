# frozen_string_literal: true

# A client of the two operations: the generated models, sent with Net::HTTP.

require 'json'
require 'net/http'
require_relative 'errors'
require_relative 'models'
require_relative 'settings'

module Copilot
  # Sends events and consents.
  class Client
    SECONDS = 10
    MEMBERS = { 'event_id' => String, 'index' => Integer, 'error' => String }.freeze

    # The URLs are whole, with their paths. Raises ArgumentError for what cannot work, or is not safe.
    def initialize(client_id:, client_secret:, collect_url:, consent_url:)
      @authorization = Settings.authorization(client_id, client_secret)
      @collect_url = Settings.endpoint(collect_url)
      @consent_url = Settings.endpoint(consent_url)
    end

    # Sends events. Returns those that were refused, as hashes; all others were taken.
    #
    # Raises ArgumentError for what JSON cannot write: nothing was sent. Raises Refusal if the whole request was refused.
    # After Unreadable and NoAnswer events may have been taken: sending them again may count them twice.
    def collect(events)
      status, body = post(@collect_url, { 'events' => events.map(&:to_hash) })
      raise Unreadable, status unless status == 200

      body.to_s.empty? ? [] : refused(body) || raise(Unreadable, status)
    end

    # Reports what a user decided. Returns the status, 200 or 204. Raises as collect does.
    def set_consent(change)
      status, _, content_type = post(@consent_url, change.to_hash)
      # There is nothing to read, but a page of HTML is a portal's or a proxy's.
      recorded = [200, 204].include?(status) && content_type != 'text/html'
      recorded ? status : raise(Unreadable, status)
    end

    # The credentials are not shown.
    def inspect
      '#<Copilot::Client>'
    end

    private

    def post(url, body)
      response = deliver(url, written(body))
      status = response.code.to_i
      return [status, response.body, response.content_type&.downcase] if status.between?(200, 299)

      error = parsed(response.body)
      reason = error['reason'] if error.is_a?(Hash)
      raise Refusal.new(status, reason.is_a?(String) ? reason : nil, response['Retry-After'])
    end

    def written(body)
      JSON.generate(body)
    rescue JSON::GeneratorError
      # The error quotes the value.
      raise ArgumentError, 'a number that is not finite, or text that is not Unicode: nothing was sent'
    end

    def deliver(url, body)
      request = Net::HTTP::Post.new(url, 'Authorization' => @authorization, 'Content-Type' => 'application/json')
      request.body = body
      # A body that drips would be waited for without end, each part of it in time.
      Timeout.timeout(SECONDS) { connection(url).start { |http| http.request(request) } }
    rescue StandardError => error
      # Its words may hold what a server sent.
      raise NoAnswer, "no answer from #{url.scheme}://#{url.host}:#{url.port}: #{error.class}", cause: nil
    end

    # Net::HTTP follows no redirect, and goes past the proxy of the environment to this machine.
    def connection(url)
      http = Net::HTTP.new(url.hostname, url.port)
      http.use_ssl = url.scheme == 'https'
      http.open_timeout = http.read_timeout = SECONDS
      http.max_retries = 0
      http
    end

    # nil unless the answer is what the contract describes.
    def refused(body)
      answer = parsed(body)
      refused = answer.fetch('invalid_events', []) if answer.is_a?(Hash)
      refused if refused.is_a?(Array) && refused.all? { |event| event.is_a?(Hash) && declared?(event) }
    end

    def declared?(event)
      MEMBERS.all? { |name, kind| !event.key?(name) || event[name].is_a?(kind) }
    end

    def parsed(body)
      JSON.parse(body.to_s)
    rescue JSON::ParserError
      nil
    end
  end
end
