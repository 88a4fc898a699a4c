# frozen_string_literal: true

# Sends one event and one consent, and says what became of them. Start here. It reports a made-up user: use a test
# environment.

require 'securerandom'
require_relative 'copilot'
require_relative 'times'

def variable(name)
  ENV.fetch(name) { abort "the environment variable #{name} is not set" }
end

begin
  copilot = Copilot::Client.new(
    client_id: variable('COPILOT_CLIENT_ID'),
    client_secret: variable('COPILOT_CLIENT_SECRET'),
    collect_url: variable('COPILOT_CLIENT_COLLECT_ENDPOINT'),
    consent_url: variable('COPILOT_CLIENT_CONSENT_ENDPOINT')
  )

  payload = CopilotGenerated::CustomEventPayload.new(
    subtype: 'recipe_started', user_id: 'user-4711', recipe: 'Oolong', target_celsius: 85
  )
  event = CopilotGenerated::CustomEvent.new(
    type: 'custom_event', event_id: SecureRandom.uuid, timestamp: Copilot::Times.now, payload: payload
  )
  copilot.collect([event]).each { |refused| abort "the event was refused: #{refused['error']}" }
  puts 'the event was taken'

  copilot.set_consent(CopilotGenerated::ConsentChange.new(user_id: 'user-4711', consent_value: true))
  puts 'the consent was recorded'
rescue ArgumentError, Copilot::Refusal, Copilot::Unreadable, Copilot::NoAnswer => error
  abort error.message
end
