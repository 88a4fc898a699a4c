# frozen_string_literal: true

# The generated models, without what they lose: free properties, and the types of what they read.

require 'set' # the models use it, and Ruby before 3.2 does not load it by itself
require_relative 'generated/lib/copilot_generated/api_model_base'
Dir[File.join(__dir__, 'generated/lib/copilot_generated/models/*.rb')].sort.each { |file| require file }

module Copilot
  # Free properties, given as any other: `CustomEventPayload.new(subtype: 'recipe_started', recipe: 'Oolong')`.
  module FreeProperties
    def initialize(attributes = {})
      listed, free = attributes.partition { |name, _| self.class.attribute_map.key?(name.to_sym) }
      @free = free.to_h
      super(listed.to_h)
    end

    def to_hash
      super.merge(@free)
    end
  end

  [CopilotGenerated::CustomEventPayload, CopilotGenerated::ThingInteractionPayload].each do |payload|
    payload.prepend(FreeProperties)
  end

  # Reads what was parsed as JSON into models. The generated readers turn a number into text where text is due, and pass by
  # members that are not listed.
  module Models
    module_function

    # Raises ArgumentError or TypeError for what the model does not take.
    def read(type, value)
      kind = type[/\A[A-Z]\w*\z/] && CopilotGenerated.const_defined?(type, false) && CopilotGenerated.const_get(type)
      if !kind
        value
      elsif kind.respond_to?(:openapi_one_of)
        read(variant(kind, value), value)
      else
        model(kind, value)
      end
    end

    # The name of the model that the discriminator names.
    def variant(kind, value)
      name = value[kind.openapi_discriminator_name.to_s] if value.is_a?(Hash)
      variant = kind.openapi_discriminator_mapping[name.to_sym] if name.is_a?(String)
      (variant || raise(ArgumentError, 'the discriminator names no variant')).to_s
    end

    def model(kind, value)
      raise TypeError, 'an object must be there' unless value.is_a?(Hash)

      types = kind.openapi_types
      kind.new(value.to_h { |name, member| [name, member.nil? ? refuse(name) : read(types[name.to_sym].to_s, member)] })
    end

    def refuse(name)
      raise ArgumentError, "#{name}: null"
    end
  end
end
