<?php

declare(strict_types=1);

// Runs the vectors against the sandbox, and writes what became of each. `cargo xtask` starts it and judges its report.

use Copilot\Conformance\Auth;
use Copilot\Conformance\Cases;
use Copilot\Conformance\Responses;
use Copilot\Conformance\Setup;
use Copilot\Conformance\Times;

require __DIR__ . '/autoload.php';

$setup = Setup::fromEnvironment();
$cases = new Cases($setup);
$cases->run();
$cases->wrongField();
(new Auth($setup))->run();
(new Times($setup))->run();
(new Responses($setup))->run();
