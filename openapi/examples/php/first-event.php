<?php

declare(strict_types=1);

// Sends one event and one consent, and says what became of them. Start from here.
// It reports a made-up user: use a test environment.

use Copilot\CollectClient;
use Copilot\ConsentClient;
use Copilot\Credentials;
use Copilot\Generated\Model\CollectRequest;
use Copilot\Generated\Model\ConsentChange;
use Copilot\Generated\Model\CustomEvent;
use Copilot\Generated\Model\CustomEventPayload;
use Copilot\Time;

require __DIR__ . '/autoload.php';

$fail = static function (string $why): never {
    fwrite(STDERR, "$why\n");
    exit(1);
};
$set = static fn (string $name): string => getenv($name) ?: $fail("the environment variable $name is not set");

$payload = (new CustomEventPayload())->setSubtype('recipe_started')->setUserId('7d1f0c8e');
$payload['recipe'] = 'Oolong, second infusion';
$payload['target_celsius'] = 85;
$event = (new CustomEvent())
    ->setType(CustomEvent::TYPE_CUSTOM_EVENT)
    ->setEventId('recipe-' . bin2hex(random_bytes(8)))
    ->setTimestamp(Time::now())
    ->setPayload($payload);

try {
    $credentials = new Credentials($set('COPILOT_CLIENT_ID'), $set('COPILOT_CLIENT_SECRET'));
    $collect = new CollectClient($set('COPILOT_CLIENT_COLLECT_ENDPOINT'), $credentials);
    $consent = new ConsentClient($set('COPILOT_CLIENT_CONSENT_ENDPOINT'), $credentials);

    $answer = $collect->collect((new CollectRequest())->setEvents([$event]));
    foreach ($answer->getInvalidEvents() ?? [] as $refused) {
        $fail("the event was refused: {$refused['error']}");
    }
    echo "the event was taken\n";

    $consent->setConsent((new ConsentChange())->setUserId('7d1f0c8e')->setConsentValue(true));
    echo "the consent was recorded\n";
} catch (RuntimeException | InvalidArgumentException $thrown) {
    // Each kind of error has a class of its own in src/.
    $fail($thrown->getMessage());
}
