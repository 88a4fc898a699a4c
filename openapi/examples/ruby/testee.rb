# frozen_string_literal: true

# The testee of `cargo xtask polyglot`: does what each line of standard input asks, and says what came of it. It knows no
# verdicts.

require_relative 'copilot'
require_relative 'times'

LISTED = %w[event_id index error].freeze

def connect(client_id, client_secret)
  Copilot::Client.new(
    client_id: client_id,
    client_secret: client_secret,
    collect_url: ENV.fetch('COPILOT_CLIENT_COLLECT_ENDPOINT'),
    consent_url: ENV.fetch('COPILOT_CLIENT_CONSENT_ENDPOINT')
  )
end

OWN = connect(ENV.fetch('COPILOT_CLIENT_ID'), ENV.fetch('COPILOT_CLIENT_SECRET'))

def read(type, text)
  Copilot::Models.read(type, JSON.parse(text))
end

def do_what(asked)
  case asked['do']
  when 'collect'
    events = asked['events'].map { |text| read('Event', text) }
    refused = OWN.collect(events).map { |event| event.slice(*LISTED) }
    { taken: true, invalid_events: refused, read_as: events.first.class.name.split('::').last }
  when 'set_consent'
    client = asked.key?('client_id') ? connect(asked['client_id'], asked['client_secret']) : OWN
    client.set_consent(read('ConsentChange', asked['change']))
    { taken: true }
  when 'read_time'
    { epoch_ms: Copilot::Times.from_utc(asked['text']) }
  else
    { text: Copilot::Times.to_utc(Copilot::Times.check(asked['value'], asked['now'])) }
  end
end

$stdout.sync = true
$stdin.each_line do |line|
  said =
    begin
      do_what(JSON.parse(line))
    rescue Copilot::Refusal => error
      { status: error.status, reason: error.reason }
    rescue Copilot::Unreadable, Copilot::NoAnswer => error
      { error: error.message }
    rescue JSON::ParserError, ArgumentError, TypeError, NoMethodError => error
      # What is no JSON, what the models do not take, and what their rules cannot compare.
      { refused: error.class }
    end
  puts JSON.generate(said)
end
