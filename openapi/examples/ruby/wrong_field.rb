# frozen_string_literal: true

# This must fail: the field is misspelt.

require_relative 'models'

CopilotGenerated::UserCreatedPayload.new(user_id: 'user-4711', utc_offest: '+0100')
